import { clients } from '../clients.mjs';
import { median, ratios, summary } from './statistics.mjs';
import { table } from './table.mjs';

/**
 * One client in one scenario: of the rounds' figures the median and the extremes.
 * @typedef {object} Result
 * @property {string} scenario
 * @property {string} client
 * @property {string} unit
 * @property {boolean} more more is better
 * @property {number} median
 * @property {number} min
 * @property {number} max
 * @property {{ median: number, min: number, max: number } | undefined} ratio to the baseline, round by round
 * @property {number | undefined} cpu µs of the client's process a key, the median
 * @property {number[]} samples round by round
 *
 * A client that failed in a round has `failure`, the reason, and no figures.
 */

/**
 * @param {{ name: string, unit: string, more: boolean }} scenario
 * @param {Map<string, (import('./measures.mjs').Turn | { failure: string })[]>[]} rounds by client, its turns in the round
 * @param {string} baseline the client that the others are compared with
 * @returns {Result[]}
 */
export function resultsOf(scenario, rounds, baseline) {
  const { name, unit, more } = scenario;
  const clientNames = [...rounds[0].keys()];
  const samplesByClient = new Map(
    clientNames.map((client) => [client, rounds.map((turns) => sampleOf(turns.get(client)))]),
  );
  const compared = valuesOf(samplesByClient.get(baseline));
  return clientNames.map((client) => {
    const samples = samplesByClient.get(client);
    const values = valuesOf(samples);
    const figures =
      values === undefined
        ? { failure: samples.find(({ failure }) => failure !== undefined).failure }
        : {
            ...summary(values),
            ratio: compared && ratios(values, compared),
            cpu: more ? median(samples.map(({ cpu }) => cpu)) : undefined,
            samples: values,
          };
    return { scenario: name, client, unit, more, ...figures };
  });
}

/** The turns of one round together: the figure, and the µs of CPU a key where keys are counted. */
function sampleOf(turns) {
  const failed = turns.find(({ failure }) => failure !== undefined);
  if (failed !== undefined) return failed;
  if (turns[0].keys === undefined) return { value: median(turns.map(({ value }) => value)) };
  const sum = (part) => turns.reduce((total, turn) => total + turn[part], 0);
  return { value: sum('keys') / sum('seconds'), cpu: sum('micros') / sum('keys') };
}

/** Undefined where the client was not there, or failed. */
function valuesOf(samples) {
  return samples?.some(({ failure }) => failure !== undefined)
    ? undefined
    : samples?.map(({ value }) => value);
}

/** Tables of results: ratios, figures, CPU, and what has other units than keys a second. */
export function report(scenarios, results, baseline) {
  const names = Object.keys(clients).filter((name) => results.some(({ client }) => client === name));
  const rates = scenarios.filter(({ more }) => more);
  const others = scenarios.filter(({ more }) => !more);
  const find = (scenario, client) =>
    results.find((result) => result.scenario === scenario.name && result.client === client);
  const grid = (title, rows, cell) => {
    const head = ['', ...names.map((name) => clients[name].title)];
    const body = rows.map((scenario) => [
      scenario.more ? scenario.title : `${scenario.title}, ${scenario.unit}`,
      ...names.map((name) => {
        const result = find(scenario, name);
        if (result === undefined) return '–';
        return result.failure === undefined ? cell(result) : 'failed';
      }),
    ]);
    return rows.length === 0 ? [] : [`${title}\n\n${table(head, body)}`];
  };
  return [
    ...grid(
      `Keys a second, as a multiple of ${clients[baseline].title}: median (least–most of the rounds)`,
      rates,
      ratioCell,
    ),
    ...grid('Keys a second, in thousands: median (least–most)', rates, thousandsCell),
    ...grid('CPU of the client, µs a key: median', rates, ({ cpu }) => cpu.toFixed(2)),
    ...grid('Less is better: median (least–most)', others, plainCell),
  ].join('\n\n');
}

/** How each client reads many keys at once, which they do not all have a call for. */
export function means(results) {
  const measured = Object.entries(clients).filter(([name]) => results.some(({ client }) => client === name));
  return table(
    ['', 'pipeline of 1,000', 'mget of 100'],
    measured.map(([, { title, pipeline, mget }]) => [title, pipeline, mget]),
  );
}

const ratioCell = ({ ratio }) =>
  ratio === undefined ? '?' : `${ratio.median.toFixed(2)} (${ratio.min.toFixed(1)}–${ratio.max.toFixed(1)})`;

const thousandsCell = (result) => range(result, (value) => (value / 1_000).toFixed(1));

const UNITS = {
  ms: (value) => value.toFixed(1),
  bytes: (value) => Math.round(value).toLocaleString('en'),
};

const plainCell = (result) => range(result, UNITS[result.unit]);

const range = ({ median: middle, min, max }, text) => `${text(middle)} (${text(min)}–${text(max)})`;
