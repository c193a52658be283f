import { heapInFlight, heapPerClient, latency, latencyBesideBlocked, rate } from './harness/measures.mjs';
import { workload } from './harness/workload.mjs';

const { small, large } = workload;

const keyAt = ({ keys }, index) => keys[index % keys.length];

/** `count` keys from all over the cluster, each call the next ones. */
const keysAt = ({ keys }, call, count) => {
  const start = (call * count) % keys.length;
  const slice = keys.slice(start, start + count);
  return slice.length === count ? slice : slice.concat(keys.slice(0, count - slice.length));
};

const get = (callers, values) => rate(callers, 1, (client, call) => client.get(keyAt(values, call)));
const set = (callers, values) =>
  rate(callers, 1, (client, call) => client.set(keyAt(values, call), values.value));
const pipeline = (count, values) =>
  rate(1, count, (client, call) => client.pipeline(keysAt(values, call, count)));
const pipelineReplies = (count, values) =>
  rate(1, count, (client, call) => client.pipelineReplies(keysAt(values, call, count)));
const pipelineStream = (count, values) =>
  rate(1, count, (client, call) => client.pipelineStream(keysAt(values, call, count)));
const mget = (count, values) => rate(1, count, (client, call) => client.mget(keysAt(values, call, count)));

/** What is counted: its unit, and whether more of it is better. */
const RATE = { unit: 'keys/s', more: true };
const TIME = { unit: 'ms', more: false };
const BYTES = { unit: 'bytes', more: false };

/**
 * What is measured. `uses` names the method of the session that a client must have for it. `--only` takes the first word
 * of a name (`get`), several (`get c50`), or all of it.
 * @type {{ name: string, title: string, uses: string, unit: string, more: boolean, measure: Function }[]}
 */
export const scenarios = [
  { name: 'get c1', title: 'GET, 1 caller', uses: 'get', ...RATE, measure: get(1, small) },
  { name: 'get c50', title: 'GET, 50 callers', uses: 'get', ...RATE, measure: get(50, small) },
  { name: 'get c500', title: 'GET, 500 callers', uses: 'get', ...RATE, measure: get(500, small) },
  { name: 'set c1', title: 'SET, 1 caller', uses: 'set', ...RATE, measure: set(1, small) },
  { name: 'set c50', title: 'SET, 50 callers', uses: 'set', ...RATE, measure: set(50, small) },
  { name: 'set c500', title: 'SET, 500 callers', uses: 'set', ...RATE, measure: set(500, small) },
  {
    name: 'pipe',
    title: 'pipeline of 1,000 GETs',
    uses: 'pipeline',
    ...RATE,
    measure: pipeline(1_000, small),
  },
  {
    name: 'pipe-replies',
    title: 'the same with execReplies()',
    uses: 'pipelineReplies',
    ...RATE,
    measure: pipelineReplies(1_000, small),
  },
  { name: 'mget', title: 'mget of 100', uses: 'mget', ...RATE, measure: mget(100, small) },
  { name: 'get-10k c1', title: 'GET of 10 KB, 1 caller', uses: 'get', ...RATE, measure: get(1, large) },
  { name: 'get-10k c50', title: 'GET of 10 KB, 50 callers', uses: 'get', ...RATE, measure: get(50, large) },
  {
    name: 'get-10k c500',
    title: 'GET of 10 KB, 500 callers',
    uses: 'get',
    ...RATE,
    measure: get(500, large),
  },
  { name: 'set-10k c1', title: 'SET of 10 KB, 1 caller', uses: 'set', ...RATE, measure: set(1, large) },
  { name: 'set-10k c50', title: 'SET of 10 KB, 50 callers', uses: 'set', ...RATE, measure: set(50, large) },
  {
    name: 'set-10k c500',
    title: 'SET of 10 KB, 500 callers',
    uses: 'set',
    ...RATE,
    measure: set(500, large),
  },
  {
    name: 'pipe-10k',
    title: 'pipeline of 1,000 GETs of 10 KB',
    uses: 'pipeline',
    ...RATE,
    measure: pipeline(1_000, large),
  },
  {
    name: 'pipe-10k-replies',
    title: 'the same with execReplies()',
    uses: 'pipelineReplies',
    ...RATE,
    measure: pipelineReplies(1_000, large),
  },
  {
    name: 'pipe-10k-stream',
    title: 'the same, value by value with replies()',
    uses: 'pipelineStream',
    ...RATE,
    measure: pipelineStream(1_000, large),
  },
  { name: 'mget-10k', title: 'mget of 100, 10 KB each', uses: 'mget', ...RATE, measure: mget(100, large) },
  { name: 'latency', title: '500 GETs at once on one node', uses: 'get', ...TIME, measure: latency },
  {
    name: 'latency blocked',
    title: 'the same beside a BLPOP',
    uses: 'blockingPop',
    ...TIME,
    measure: latencyBesideBlocked,
  },
  { name: 'heap client', title: 'heap of a client', uses: 'get', ...BYTES, measure: heapPerClient },
  { name: 'heap command', title: 'heap of a GET in flight', uses: 'get', ...BYTES, measure: heapInFlight },
];

/** What `--only` takes: the scenarios' names, and their first words for all scenarios that begin with one. */
export const scenarioWords = [...new Set(scenarios.flatMap(({ name }) => [name, name.split(' ')[0]]))];

/**
 * The scenarios that these words name, all without them.
 * @param {readonly string[]} [words] of `scenarioWords`
 */
export function chosenScenarios(words) {
  if (words === undefined) return scenarios;
  return scenarios.filter(({ name }) => words.includes(name) || words.includes(name.split(' ')[0]));
}
