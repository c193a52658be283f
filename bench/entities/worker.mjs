// One store of lines in a process of its own, so that its CPU time is its own. Started by client-process.mjs.
import { initialLines } from './model.mjs';
import { peers } from './peers.mjs';
import { scenarios } from './scenarios.mjs';
import { countTraffic, trafficOf } from './traffic.mjs';
import { cpuProfile } from '../harness/cpu-profile.mjs';

const [name, nodesText] = process.argv.slice(2);
const { adapter, settings } = peers[name];

countTraffic();
const lines = {};
const store = await open().catch((error) => {
  process.send({ error: error.message.split('\n')[0] }, () => process.exit(1));
  return new Promise(() => {}); // until then
});
let done = 0;

const requests = {
  /** Whether the peer has the operation; what it gives is looked at once. */
  async check({ scenario }) {
    const { uses, act } = scenarioOf(scenario);
    if (store[uses] === undefined) return false;
    verify(uses, await act(store, lines, done++));
    return true;
  },
  /** So many callers, for so long. */
  measure: ({ scenario, callers, ms }) => rateOf(scenarioOf(scenario), callers, ms),
  profile: ({ scenario, callers, ms }) => cpuProfile(() => rateOf(scenarioOf(scenario), callers, ms)),
  /** What so many operations cost on the wire, one after the other. */
  traffic: ({ scenario, count }) =>
    trafficOf(async () => {
      for (let i = 0; i < count; i++) await scenarioOf(scenario).act(store, lines, done++);
    }),
  close: () => store.close(),
};

process.on('message', async ({ kind, ...request }) => {
  try {
    process.send({ result: (await requests[kind](request)) ?? true });
  } catch (error) {
    process.send({ error: String(error?.stack ?? error) });
  }
  if (kind === 'close') process.disconnect();
});
// whoever started us is gone
process.on('disconnect', () => process.exit());
process.send({ result: true });

async function rateOf({ act }, callers, ms) {
  const cpu = process.cpuUsage();
  const startedAt = performance.now();
  const until = startedAt + ms;
  let count = 0;
  const call = async () => {
    do {
      await act(store, lines, done++);
      count++;
    } while (performance.now() < until);
  };
  await Promise.all(Array.from({ length: callers }, call));
  const seconds = (performance.now() - startedAt) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  return { rate: count / seconds, cpu: (user + system) / count };
}

async function open() {
  const { connect } = await import(`./peers/${adapter}.mjs`);
  const opened = await connect(JSON.parse(nodesText), settings);
  for (const [kind, data] of Object.entries(initialLines())) lines[kind] = await opened.load(data);
  return opened;
}

function scenarioOf(wanted) {
  return scenarios.find((scenario) => scenario.name === wanted);
}

/** A peer that answers fast and wrong is not measured. */
function verify(uses, answer) {
  const found = { findOne: [answer], findMany: answer, findBy: answer }[uses];
  if (found === undefined) return;
  const isWhole = (line) => line?.sku?.startsWith('sku-bench-') && line.addedAt instanceof Date;
  if ((uses !== 'findOne' && found.length !== 100) || !found.every(isWhole))
    throw new Error(`${name} answers ${uses} wrong`);
}
