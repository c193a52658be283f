// node bench/caching.mjs: reads from memory beside the same reads from the nodes. See docs/caching.md.
import { shutdownSignal } from '../scripts/shutdown.mjs';
import { openCluster, prepare } from './harness/prepare.mjs';

const ROUNDS = 7;
const ROUND_MS = 150;
const VALUE = 'x'.repeat(100);
const KEYS = Array.from({ length: 1_000 }, (_, i) => `key:${i}`);
const TAGGED = Array.from({ length: 100 }, (_, i) => `{tag}${i}`);

delete process.env.REDIS_CLUSTER_NODES; // its keys stay: only on a cluster of its own
const signal = shutdownSignal();
await prepare(signal, { peers: false });
const cluster = await openCluster(signal);
try {
  await measure(cluster.seeds);
} finally {
  await cluster.stop();
}

async function measure(nodes) {
  const keyslot = await import('../dist/index.js');
  const plain = new keyslot.ClusterClient({ nodes });
  const client = new keyslot.ClusterClient({ nodes, cache: { maxBytes: 64 * 2 ** 20, maxStaleMs: 1_000 } });
  await Promise.all([plain.connect(), client.connect()]);
  await client.nonAtomic.mset(Object.fromEntries([...KEYS, ...TAGGED].map((key) => [key, VALUE])));
  const cached = client.with({ cache: true });
  const rows = rowsOf(keyslot, client);
  await rows.insert(rows.create({ id: '1', title: 'Pen', cents: 250, status: 'open' }));
  const get = (view) => (i) => view.get(KEYS[i % KEYS.length]);
  const scenarios = [
    ['GET, 1 caller', 1, get(plain), get(cached)],
    ['GET, 500 callers', 500, get(plain), get(cached)],
    ['mget of 100', 1, () => plain.mget(TAGGED), () => cached.mget(TAGGED)],
    ['`findOne`', 1, () => rows.findOne('1'), () => rows.findOne('1', { cache: true })],
    [
      'GET, 500 callers, not through the cache: without and with the option `cache`',
      500,
      get(plain),
      get(client),
    ],
    [
      'SET, 500 callers, nothing kept: without and with the option `cache`',
      500,
      ...[plain, client].map((view) => (i) => view.set(KEYS[i % KEYS.length], VALUE)),
    ],
  ];
  console.log(
    '| scenario | from the nodes, thousands a second | from memory | ratio |\n| --- | ---: | ---: | ---: |',
  );
  for (const [name, callers, ...calls] of scenarios) {
    for (const key of KEYS) await cached.get(key);
    const rates = [[], []];
    for (let round = -1; round < ROUNDS; round++)
      for (const [i, call] of calls.entries()) {
        const rate = await rateOf(call, callers);
        if (round >= 0) rates[i].push(rate);
      }
    const ratio = median(rates[0].map((rate, i) => rates[1][i] / rate));
    const [uncached, kept] = rates.map((each) => median(each).toFixed(1));
    console.log(`| ${name} | ${uncached} | ${kept} | ${ratio.toFixed(2)} |`);
  }
  await memoryOf(client, cached);
  await Promise.all([plain.close(), client.close()]);
}

/** The repository of a class, declared without the syntax of decorators. */
function rowsOf({ ClusterEntity, PrimaryKey, Property, createRepositories }, client) {
  class Product {
    id;
    title;
    cents;
    status;
  }
  PrimaryKey({ type: String })(Product.prototype, 'id');
  Property(() => String)(Product.prototype, 'title');
  Property(() => Number)(Product.prototype, 'cents');
  Property(() => String)(Product.prototype, 'status');
  ClusterEntity({ name: 'BenchProduct', cache: true })(Product);
  return createRepositories(client, [Product]).repository(Product);
}

/** @returns thousands of calls a second */
async function rateOf(call, callers) {
  const begin = performance.now();
  let calls = 0;
  const caller = async (_, first) => {
    for (let i = first; performance.now() - begin < ROUND_MS;) {
      for (let n = 0; n < 20; n++) await call((i += 7));
      calls += 20;
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  return calls / (performance.now() - begin);
}

/** Prints what an entry takes beside its key and value; needs `node --expose-gc`. */
async function memoryOf(client, cached) {
  if (globalThis.gc === undefined) return;
  client.cache.clear();
  globalThis.gc();
  const count = 50_000;
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < count; i += 500)
    await Promise.all(
      Array.from({ length: 500 }, (_, j) => cached.get(`absent:${String(i + j).padStart(9, '0')}`)),
    );
  globalThis.gc();
  const bytes = (process.memoryUsage().heapUsed - before) / count;
  console.log(`An entry takes ${(bytes - 16).toFixed(0)} bytes beside a key of 16 bytes; it counts as 210.`);
}

function median(numbers) {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1];
}
