import { getByNode } from './by-node.mjs';

/** ioredis, and iovalkey, which is a fork of it. */
export async function connect(nodes, { package: name = 'ioredis', options = {}, grouped = false } = {}) {
  const { Cluster } = await import(name);
  const cluster = new Cluster(nodes, { ...options, lazyConnect: true });
  await cluster.connect();
  const nodeOf = (slot) => cluster.slots[slot][0];
  const together = grouped
    ? (keys) => getByNode(keys, nodeOf, () => cluster.pipeline(), execute)
    : (keys) => Promise.all(keys.map((key) => cluster.get(key)));
  return {
    get: (key) => cluster.get(key),
    set: (key, value) => cluster.set(key, value),
    pipeline: together,
    mget: together,
    blockingPop: (key, seconds) => cluster.blpop(key, seconds),
    close: () => cluster.quit(),
  };
}

async function execute(pipeline) {
  const results = await pipeline.exec();
  return results.map(([error, value]) => {
    if (error) throw error;
    return value;
  });
}
