// One client in a process of its own, so that its CPU time and heap are its own as well. Started by client-process.mjs.
import { clients } from '../clients.mjs';
import { scenarios } from '../scenarios.mjs';
import { cpuProfile } from './cpu-profile.mjs';
import { workload } from './workload.mjs';

const [name, nodesText] = process.argv.slice(2);
const nodes = JSON.parse(nodesText);
const { adapter, settings, only, outsideHeap } = clients[name];

const connect = async () => (await import(`../clients/${adapter}.mjs`)).connect(nodes, settings);
const session = await connect();

const requests = {
  /** Whether the client can do what a scenario uses; its answers are looked at once. */
  async check({ scenario }) {
    const { uses, unit } = scenarioOf(scenario);
    if (unit === 'bytes' && outsideHeap) return false;
    if (session[uses] === undefined || (only !== undefined && !only.includes(uses))) return false;
    await verify(uses);
    return true;
  },
  measure: ({ scenario, ms }) => scenarioOf(scenario).measure({ session, connect, nodes, ms }),
  profile: ({ scenario, ms }) =>
    cpuProfile(() => scenarioOf(scenario).measure({ session, connect, nodes, ms })),
  close: () => session.close(),
};

process.on('message', async ({ kind, ...request }) => {
  try {
    process.send({ result: await requests[kind](request) });
  } catch (error) {
    process.send({ error: String(error?.stack ?? error) });
  }
  if (kind === 'close') process.disconnect();
});
// whoever started us is gone
process.on('disconnect', () => process.exit());
process.send({ result: true });

function scenarioOf(wanted) {
  return scenarios.find((scenario) => scenario.name === wanted);
}

/** A client that answers fast and wrong is not measured. */
async function verify(uses) {
  const { keys, value } = workload.small;
  const some = keys.slice(0, 100);
  const answers = {
    get: async () => [await session.get(keys[0])],
    pipeline: () => session.pipeline(some),
    pipelineReplies: () => session.pipelineReplies(some),
    pipelineStream: () => session.pipelineStream(some),
    mget: () => session.mget(some),
  };
  const values = await answers[uses]?.();
  // raw sockets count replies and read none
  if (adapter === 'raw-sockets' || values === undefined) return;
  if (!values.every((found) => found === value)) throw new Error(`${name} answers ${uses} wrong`);
}
