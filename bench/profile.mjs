// node bench/profile.mjs: where one client spends its time in one scenario. See docs/benchmarks.md.
import { writeFileSync } from 'node:fs';
import { readArguments } from '../scripts/program-arguments.mjs';
import { shutdownSignal } from '../scripts/shutdown.mjs';
import { clients } from './clients.mjs';
import { ClientProcess } from './harness/client-process.mjs';
import { selfTimes } from './harness/cpu-profile.mjs';
import { openCluster, prepare } from './harness/prepare.mjs';
import { table } from './harness/table.mjs';
import { load, unload } from './harness/workload.mjs';
import { chosenScenarios, scenarioWords } from './scenarios.mjs';

const { settings } = readArguments({
  usage: `node bench/profile.mjs [--client keyslot] [--only 'get c500'] [--ms 3000] [--top 25] [--out FILE]`,
  options: {
    client: { type: 'string', default: 'keyslot', names: Object.keys(clients) },
    only: { type: 'string', default: 'get c500', names: scenarioWords },
    ms: { type: 'string', default: '3000', number: { from: 1 } },
    top: { type: 'string', default: '25', number: { from: 1, whole: true } },
    out: { type: 'string' },
  },
});
const { ms } = settings;
const [clientName] = settings.client;
const scenarios = chosenScenarios(settings.only).filter(({ more }) => more);
const signal = shutdownSignal();
await prepare(signal);
const { ClusterClient } = await import('../dist/index.js');
const cluster = await openCluster(signal);
const owner = new ClusterClient({ nodes: cluster.seeds });
try {
  await owner.connect();
  await load(owner);
  const nodes = owner.topology.primaries.map(({ host, port }) => ({ host, port }));
  for (const scenario of scenarios) await show(scenario, nodes);
  await unload(owner);
} finally {
  await owner.close();
  await cluster.stop();
}

async function show({ name, title }, nodes) {
  const client = await ClientProcess.start(clientName, nodes);
  try {
    if (!(await client.check(name))) throw new Error(`${clientName} cannot do ${name}`);
    await client.measure(name, ms / 3);
    const { turn, profile } = await client.profile(name, ms);
    const rows = selfTimes(profile)
      .slice(0, settings.top)
      .map(({ place, micros, share }) => [
        place,
        `${(share * 100).toFixed(1)} %`,
        (micros / turn.keys).toFixed(3),
      ]);
    const speed = Math.round(turn.keys / turn.seconds).toLocaleString('en');
    const cost = (turn.micros / turn.keys).toFixed(2);
    console.log(`${clientName}: ${title}: ${speed} keys/s, ${cost} µs of CPU a key\n`);
    console.log(`${table(['function', 'self', 'µs a key'], rows)}\n`);
    if (settings.out !== undefined) writeFileSync(fileFor(name), JSON.stringify(profile));
  } finally {
    await client.close();
  }
}

/** One file a scenario, which Chrome's developer tools open. */
function fileFor(name) {
  return scenarios.length === 1 ? settings.out : `${settings.out}.${name.replaceAll(' ', '-')}.cpuprofile`;
}
