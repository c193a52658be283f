// node bench/profile.mjs: where one client spends its time in one scenario. See docs/benchmarks.md.
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { shutdownSignal } from '../scripts/shutdown.mjs';
import { ClientProcess } from './harness/client-process.mjs';
import { selfTimes } from './harness/cpu-profile.mjs';
import { openCluster, prepare } from './harness/prepare.mjs';
import { table } from './harness/table.mjs';
import { load, unload } from './harness/workload.mjs';
import { chosenScenarios } from './scenarios.mjs';

const { values: settings } = parseArgs({
  options: {
    client: { type: 'string', default: 'keyslot' },
    only: { type: 'string', default: 'get c500' },
    ms: { type: 'string', default: '3000' },
    top: { type: 'string', default: '25' },
    out: { type: 'string' },
  },
});
const ms = Number(settings.ms);
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
  const client = await ClientProcess.start(settings.client, nodes);
  try {
    if (!(await client.check(name))) throw new Error(`${settings.client} cannot do ${name}`);
    await client.measure(name, ms / 3);
    const { turn, profile } = await client.profile(name, ms);
    const rows = selfTimes(profile)
      .slice(0, Number(settings.top))
      .map(({ place, micros, share }) => [
        place,
        `${(share * 100).toFixed(1)} %`,
        (micros / turn.keys).toFixed(3),
      ]);
    const speed = Math.round(turn.keys / turn.seconds).toLocaleString('en');
    const cost = (turn.micros / turn.keys).toFixed(2);
    console.log(`${settings.client}: ${title}: ${speed} keys/s, ${cost} µs of CPU a key\n`);
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
