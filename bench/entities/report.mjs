import { median, ratios } from '../harness/statistics.mjs';
import { table } from '../harness/table.mjs';
import { peers } from './peers.mjs';

const OURS = 'keyslot';

/** Costs of one operation. */
const COSTS = [
  { part: 'roundTrips', title: 'Round trips, one after the other', digits: 1 },
  { part: 'sent', title: 'Bytes sent', digits: 0 },
  { part: 'received', title: 'Bytes received', digits: 0 },
  { part: 'server', title: 'Microseconds of the servers in commands', digits: 0 },
];

/** Operations a second, with how many times as many Keyslot does, and the CPU time of each. */
export function rateTables(results) {
  const columns = measured(results).map(([name, { title }]) => ({ name, title }));
  const head = ['', ...columns.map(({ title }) => title)];
  const rows = (cell) =>
    results.flatMap(({ title, callers, samples }) =>
      callers.map((count) => [
        `${title}, ${count} caller${count > 1 ? 's' : ''}`,
        ...columns.map(({ name }) => (samples[name] ? cell(samples, name, count) : '–')),
      ]),
    );
  const partOf = (samples, name, count, part) => samples[name].map(({ rates }) => rates[count][part]);
  const rate = (samples, name, count) => {
    const rates = partOf(samples, name, count, 'rate');
    if (name === OURS || !samples[OURS]) return number(median(rates), 0);
    const ratio = ratios(partOf(samples, OURS, count, 'rate'), rates).median;
    return `${number(median(rates), 0)} (${number(ratio, 2)})`;
  };
  const cpu = (samples, name, count) => number(median(partOf(samples, name, count, 'cpu')), 0);
  return [
    `Operations a second, medians (in brackets: how many times as many Keyslot does, round by round)\n\n${table(head, rows(rate))}`,
    `Microseconds of the client's CPU an operation\n\n${table(head, rows(cpu))}`,
  ].join('\n\n');
}

/** What one operation costs, each cost in a table. In brackets: how many times as much it costs Keyslot, round by round. */
export function costTables(results) {
  const columns = measured(results);
  const head = ['', ...columns.map(([, { title }]) => title)];
  return COSTS.map(({ part, title, digits }) => {
    const rows = results.map(({ title: operation, samples }) => [
      operation,
      ...columns.map(([name]) => (samples[name] ? cost(samples, name, part, digits) : '–')),
    ]);
    return `${title}\n\n${table(head, rows)}`;
  }).join('\n\n');
}

function cost(samples, name, part, digits) {
  const of = (peer) => samples[peer].map(({ costs }) => costs[part]);
  const middle = number(median(of(name)), digits);
  if (name === OURS || !samples[OURS]) return middle;
  return `${middle} (${number(ratios(of(OURS), of(name)).median, 2)})`;
}

/** Nanoseconds an entity. */
export function codecTables(codecs) {
  const rows = codecs.map(({ title, encode, decode }) => [
    title,
    number(median(encode), 0),
    number(median(decode), 0),
  ]);
  return `Nanoseconds an entity, of ten properties\n\n${table(['', 'encode', 'decode'], rows)}`;
}

/** What the peers do not do, and why some were not measured. */
export function reasons(results, absent) {
  const limits = measured(results)
    .filter(([, { missing }]) => missing !== undefined)
    .map(([, { title, missing }]) => `- ${title}: ${missing}`);
  const failures = absent.map(({ name, reason }) => `- ${peers[name].title} was not measured: ${reason}`);
  return [...limits, ...failures].join('\n');
}

/** The peers that have figures. */
function measured(results) {
  return Object.entries(peers).filter(([name]) => results.some(({ samples }) => samples[name]));
}

function number(value, digits) {
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
