// node bench/partitions.mjs: deletes a large partition while others read, and loads a relation beside two calls. See
// docs/benchmarks.md.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { readArguments } from '../scripts/program-arguments.mjs';
import { shutdownSignal } from '../scripts/shutdown.mjs';
import { openCluster, prepare } from './harness/prepare.mjs';

const { settings } = readArguments({
  usage: 'node bench/partitions.mjs [--rows 100000] [--loads 500]',
  options: {
    rows: { type: 'string', default: '100000', number: { from: 1, whole: true } },
    loads: { type: 'string', default: '500', number: { from: 1, whole: true } },
  },
});
const { rows, loads } = settings;
/** How many rows are inserted at a time. */
const BATCH = 2_000;
const ITEMS = 100;

const signal = shutdownSignal();
await prepare(signal, { peers: false });
const cluster = await openCluster(signal);
try {
  const { ClusterClient, createRepositories } = await import('../dist/index.js');
  const { Item, Order } = await import('./partitions/model.mjs');
  const client = new ClusterClient({ nodes: cluster.seeds });
  await client.connect();
  const registry = createRepositories(client, [Order, Item]);
  const [orders, items] = [registry.repository(Order), registry.repository(Item)];
  await fill(orders, items, 'small', ITEMS);
  await relations(orders, items);
  await fill(orders, items, 'large', rows);
  await deletion(orders);
  await client.close();
} finally {
  await cluster.stop();
}

async function fill(orders, items, orderId, count) {
  await orders.insert(orders.create({ id: orderId }));
  for (let from = 0; from < count; from += BATCH) {
    signal.throwIfAborted();
    const some = Array.from({ length: Math.min(BATCH, count - from) }, (_, i) =>
      items.create({
        orderId,
        id: from + i,
        sku: `sku-${from + i}`,
        status: 'open',
        title: 'A dozen pencils',
      }),
    );
    const failed = (await items.saveMany(some)).find((result) => !result.ok);
    if (failed) throw failed.error;
  }
}

/** Loads an order with its items in one call and in two, in turns. */
async function relations(orders, items) {
  const ways = {
    'findOne with items': () => orders.findOne('small', { with: ['items'] }),
    'findOne and findBy': async () => {
      const order = await orders.findOne('small');
      return { order, items: await items.findBy({ orderId: 'small' }) };
    },
    'findOne and findBy at once': () =>
      Promise.all([orders.findOne('small'), items.findBy({ orderId: 'small' })]),
  };
  const times = new Map(Object.keys(ways).map((name) => [name, []]));
  for (let i = 0; i < loads; i++)
    for (const [name, load] of Object.entries(ways)) {
      const begin = performance.now();
      await load();
      times.get(name).push(performance.now() - begin);
    }
  console.log(`An order with ${ITEMS} items, ${loads} loads, one after the other (ms):`);
  for (const [name, all] of times) console.log(`  ${name.padEnd(27)} ${summary(all)}`);
}

/** Deletes the large partition while a thread reads from the same node, one call after the other. */
async function deletion(orders) {
  const probe = new Worker(new URL('partitions/probe.mjs', import.meta.url), {
    workerData: { nodes: cluster.seeds, key: `${orders.partition('large').tag}:probe` },
  });
  await once(probe, 'message');
  const ask = async (what) => {
    const answer = once(probe, 'message');
    probe.postMessage(what);
    return (await answer)[0];
  };
  await ask('begin');
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  const before = await ask('end');
  await ask('begin');
  const begin = performance.now();
  const deleted = await orders.partition('large').delete();
  const seconds = (performance.now() - begin) / 1_000;
  const meanwhile = await ask('end');
  await probe.terminate();
  console.log(`\npartition.delete() of ${deleted.rows} rows: ${seconds.toFixed(1)} s`);
  console.log(`Reads of the same node, one after the other (ms):`);
  console.log(`  for 3 s before   ${summary(before)}`);
  console.log(`  in the meantime  ${summary(meanwhile)}`);
}

function summary(times) {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))].toFixed(2);
  return `median ${at(0.5)}  p99 ${at(0.99)}  longest ${at(1)}  (${sorted.length} calls)`;
}
