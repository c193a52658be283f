// node bench/caching.mjs: reads from memory beside the same reads from the nodes, of Keyslot and of node-redis. See
// docs/caching.md. Words after it choose scenarios, by parts of their names.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { shutdownSignal } from '../scripts/shutdown.mjs';
import { openCluster, prepare } from './harness/prepare.mjs';

const ROUNDS = 5;
/** The CPU time of a round; and how long it may last, as a busy machine gives little. */
const ROUND_CPU_MS = 300;
const ROUND_MS = 2_000;
const VALUE = 'x'.repeat(100);
const KEYS = Array.from({ length: 1_000 }, (_, i) => `key:${i}`);
const TAGGED = Array.from({ length: 100 }, (_, i) => `{tag}${i}`);
const FIELDS = Array.from({ length: 10 }, (_, i) => `field${i}`);
const IDS = Array.from({ length: 100 }, (_, i) => `${i}`);

delete process.env.REDIS_CLUSTER_NODES; // its keys stay: only on a cluster of its own
setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc');

const signal = shutdownSignal();
await prepare(signal);
const cluster = await openCluster(signal);
try {
  await measure(cluster.seeds);
} finally {
  await cluster.stop();
}

async function measure(nodes) {
  const keyslot = await import('../dist/index.js');
  const plain = new keyslot.ClusterClient({ nodes });
  const client = new keyslot.ClusterClient({ nodes, cache: { maxBytes: 64 * 2 ** 20, maxStaleMs: 5_000 } });
  await Promise.all([plain.connect(), client.connect()]);
  await client.nonAtomic.mset(Object.fromEntries([...KEYS, ...TAGGED].map((key) => [key, VALUE])));
  await client.hset('hash', Object.fromEntries(FIELDS.map((field) => [field, VALUE])));
  const cached = client.with({ cache: true });
  const rows = rowsOf(keyslot, client);
  await rows.saveMany(IDS.map((id) => rows.create({ id, title: 'Pen', cents: 250, status: 'open' })));
  const one = await nodeRedis(client.topology.nodeForSlot(keyslot.keySlot(TAGGED[0])));
  const get =
    (view, keys = KEYS) =>
    (i) =>
      view.get(keys[i % keys.length]);
  const pipelined = (view) => () => {
    const pipeline = view.pipeline();
    for (const key of TAGGED) pipeline.get(key);
    return pipeline.exec();
  };
  const scenarios = [
    ['GET, 1 caller', 1, get(plain), get(cached)],
    ['GET, 1 caller, node-redis', 1, get(one.plain, TAGGED), get(one.cached, TAGGED)],
    ['GET, 500 callers', 500, get(plain), get(cached)],
    ['GET, 500 callers, node-redis', 500, get(one.plain, TAGGED), get(one.cached, TAGGED)],
    ['`mget` of 100', 1, () => plain.mget(TAGGED), () => cached.mget(TAGGED)],
    ['`mget` of 100, node-redis', 1, () => one.plain.mGet(TAGGED), () => one.cached.mGet(TAGGED)],
    ['`hmget` of 10', 1, () => plain.hmget('hash', FIELDS), () => cached.hmget('hash', FIELDS)],
    ['pipeline of 100', 1, pipelined(plain), pipelined(cached)],
    ['`findOne`', 1, () => rows.findOne('1'), () => rows.findOne('1', { cache: true })],
    ['`findMany` of 100', 1, () => rows.findMany(IDS), () => rows.findMany(IDS, { cache: true })],
    ['GET, 500 callers, not through the cache: without and with the option', 500, get(plain), get(client)],
    [
      'SET, 500 callers, nothing kept: without and with the option',
      500,
      ...[plain, client].map((view) => (i) => view.set(KEYS[i % KEYS.length], VALUE)),
    ],
  ];
  console.log(
    '| scenario | from the nodes, thousands a second | from memory | ratio | ratio of CPU time |\n' +
      '| --- | ---: | ---: | ---: | ---: |',
  );
  const words = process.argv.slice(2);
  for (const [name, callers, ...calls] of scenarios) {
    if (words.length > 0 && !words.some((word) => name.includes(word))) continue;
    await Promise.all(KEYS.map((key) => cached.get(key)));
    const rounds = [[], []];
    for (let round = -1; round < ROUNDS; round++)
      for (const [i, call] of calls.entries()) {
        const measured = await rateOf(call, callers);
        if (round >= 0) rounds[i].push(measured);
      }
    const [nodesRounds, kept] = rounds;
    const ratio = median(nodesRounds.map(({ rate }, i) => kept[i].rate / rate));
    const cpu = median(nodesRounds.map(({ cpuMs }, i) => cpuMs / kept[i].cpuMs));
    const rates = rounds.map((each) => median(each.map(({ rate }) => rate)).toFixed(1));
    console.log(`| ${name} | ${rates.join(' | ')} | ${ratio.toFixed(2)} | ${cpu.toFixed(2)} |`);
  }
  if (words.length === 0 || words.includes('memory')) await memoryOf(client, cached);
  await Promise.all([plain.close(), client.close(), one.plain.close(), one.cached.close()]);
}

/** Two clients of node-redis, whose cache is for one server: without it and with it, to the node of the tagged keys. */
async function nodeRedis({ host, port }) {
  const { createClient } = await import('redis');
  const connect = async (options) => {
    const one = createClient({ socket: { host, port }, RESP: 3, ...options });
    one.on('error', () => {});
    return one.connect();
  };
  return {
    plain: await connect({}),
    cached: await connect({ clientSideCache: { ttl: 0, maxEntries: 0, evictPolicy: 'LRU' } }),
  };
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

/** @returns thousands of calls a second, and the CPU time of a thousand, in ms */
async function rateOf(call, callers) {
  const begin = performance.now();
  const cpu = process.cpuUsage();
  const spent = () => {
    const { user, system } = process.cpuUsage(cpu);
    return (user + system) / 1_000;
  };
  let calls = 0;
  const caller = async (_, first) => {
    for (let i = first; spent() < ROUND_CPU_MS && performance.now() - begin < ROUND_MS;) {
      for (let n = 0; n < 20; n++) await call((i += 7));
      calls += 20;
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  return { rate: calls / (performance.now() - begin), cpuMs: spent() / calls };
}

/** Prints what an entry takes beside its key and its value. */
async function memoryOf(client, cached) {
  const count = 50_000;
  const keys = Array.from({ length: count }, (_, i) => `memory:${String(i).padStart(9, '0')}`);
  for (const [what, value] of [
    ['a value of 100 bytes', VALUE],
    ['a key that does not exist', undefined],
  ]) {
    for (let i = 0; i < count; i += 500) {
      const some = keys.slice(i, i + 500);
      await Promise.all(some.map((key) => (value === undefined ? client.del(key) : client.set(key, value))));
    }
    client.cache.clear();
    collectGarbage();
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < count; i += 500)
      // keys as a caller makes them: texts of their own
      await Promise.all(keys.slice(i, i + 500).map((key) => cached.get(Buffer.from(key).toString('latin1'))));
    collectGarbage();
    const bytes = (process.memoryUsage().heapUsed - before) / count;
    const beside = bytes - keys[0].length - (value?.length ?? 0);
    const counted = client.cache.stats().bytes / count - keys[0].length - (value?.length ?? 0);
    console.log(`An entry with ${what} takes ${beside.toFixed(0)} bytes beside; it counts as ${counted}.`);
  }
}

function median(numbers) {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1];
}
