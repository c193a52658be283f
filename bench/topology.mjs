// node bench/topology.mjs: what the number of nodes costs, on clusters that only pretend. See
// docs/benchmarks.md.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { readArguments } from '../scripts/program-arguments.mjs';
import { shutdownSignal } from '../scripts/shutdown.mjs';
import { heapBytes, rate } from './harness/measures.mjs';
import { prepare } from './harness/prepare.mjs';
import { median } from './harness/statistics.mjs';
import { table } from './harness/table.mjs';
import { workload } from './harness/workload.mjs';

const FAKE_CLUSTER = fileURLToPath(new URL('harness/fake-cluster.mjs', import.meta.url));

/** Nodes, half of them replicas; and whether each has one range of slots, or hundreds of single ones. */
const SIZES = [
  { nodes: 10, slots: 'even' },
  { nodes: 100, slots: 'even' },
  { nodes: 1_000, slots: 'even' },
  { nodes: 10, slots: 'scattered' },
  { nodes: 1_000, slots: 'scattered' },
];
const REFRESHES = 11;
const LOOKUPS = 1_000_000;
const GET_MS = 1_000;
const MORE_CLIENTS = 3;
const SETTLE_MS = 200;

const namesOf = (property) => ({
  type: 'string',
  names: [...new Set(SIZES.map((size) => String(size[property])))],
});
const { settings } = readArguments({
  usage: 'node bench/topology.mjs [--nodes 10,1000] [--slots even,scattered] [--json FILE]',
  options: { nodes: namesOf('nodes'), slots: namesOf('slots'), json: { type: 'string' } },
});
const { nodes: onlyNodes, slots: onlySlots } = settings;
const chosen = SIZES.filter(
  ({ nodes, slots }) => (onlyNodes?.includes(String(nodes)) ?? true) && (onlySlots?.includes(slots) ?? true),
);
const signal = shutdownSignal();
await prepare(signal);
const { ClusterClient } = await import('../dist/index.js');

const results = [];
for (const size of chosen) {
  signal.throwIfAborted();
  results.push({ ...size, ...(await measure(size)) });
}
console.log(
  table(
    [
      'nodes',
      'slots',
      'connect',
      'refresh, nothing new',
      'refresh, a slot moved',
      'nodeForKey',
      'GET, 500 callers',
      'heap',
    ],
    results.map((result) => [
      String(result.nodes),
      result.slots,
      `${result.connect.toFixed(0)} ms`,
      `${result.unchanged.toFixed(1)} ms`,
      `${result.moved.toFixed(1)} ms`,
      `${result.lookup.toFixed(0)} ns`,
      `${result.get.toFixed(2)} µs`,
      `${(result.heap / 1024).toFixed(0)} KB`,
    ]),
  ),
);
console.log(
  '\nmedians; the time of a refresh is that of the event loop, that of a lookup and a GET is CPU of the client',
);
if (settings.json !== undefined) writeFileSync(settings.json, `${JSON.stringify(results, null, 2)}\n`);

async function measure({ nodes, slots }) {
  const fake = fork(FAKE_CLUSTER, [String(nodes), slots]);
  try {
    const [{ ports }] = await once(fake, 'message');
    // the first client compiles the code, and is not looked at
    await (await connected(ports)).client.close();
    const { client, connect } = await connected(ports);
    const heap = await heapOfOne(ports);
    const unchanged = await refreshCost(client, async () => {});
    let version = 0;
    const moved = await refreshCost(client, async () => {
      fake.send({ version: ++version });
      await once(fake, 'message');
    });
    const lookup = lookupNanoseconds(client);
    const gets = rate(500, 1, (session, call) =>
      session.get(workload.small.keys[call % workload.small.keys.length]),
    );
    const warm = { session: client, ms: GET_MS };
    await gets(warm);
    const { keys, micros } = await gets(warm);
    await client.close();
    return { connect, unchanged, moved, lookup, get: micros / keys, heap };
  } finally {
    fake.disconnect();
    await once(fake, 'exit');
  }
}

async function connected(ports) {
  const client = new ClusterClient({ nodes: ports.slice(0, 3).map((port) => ({ host: '127.0.0.1', port })) });
  const startedAt = performance.now();
  await client.connect();
  return { client, connect: performance.now() - startedAt };
}

/** Bytes of heap of a connected client. */
async function heapOfOne(ports) {
  // what an earlier client has left is freed with its sockets, a little later
  await delay(SETTLE_MS);
  const before = heapBytes();
  const clients = [];
  for (let i = 0; i < MORE_CLIENTS; i++) clients.push((await connected(ports)).client);
  await delay(SETTLE_MS);
  const heap = (heapBytes() - before) / MORE_CLIENTS;
  await Promise.all(clients.map((client) => client.close()));
  return heap;
}

/** ms of the event loop that one reading of the topology takes, with three nodes asked and their views compared. */
async function refreshCost(client, change) {
  const costs = [];
  for (let i = 0; i < REFRESHES; i++) {
    await change();
    const before = performance.eventLoopUtilization();
    await client.refreshTopology();
    costs.push(performance.eventLoopUtilization(before).active);
  }
  return median(costs);
}

function lookupNanoseconds({ topology }) {
  const { keys } = workload.small;
  const look = () => {
    let found = 0;
    for (let i = 0; i < LOOKUPS; i++) if (topology.nodeForKey(keys[i % keys.length]) !== undefined) found++;
    return found;
  };
  look();
  const before = process.cpuUsage();
  look();
  const { user, system } = process.cpuUsage(before);
  return ((user + system) * 1_000) / LOOKUPS;
}
