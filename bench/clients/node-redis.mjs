import { createCluster } from 'redis';

export async function connect(nodes, { options = {} } = {}) {
  const cluster = createCluster({ rootNodes: nodes.map((socket) => ({ socket })), ...options });
  cluster.on('error', () => {});
  await cluster.connect();
  return {
    get: (key) => cluster.get(key),
    set: (key, value) => cluster.set(key, value),
    pipeline: (keys) => Promise.all(keys.map((key) => cluster.get(key))),
    mget: (keys) => cluster.mGet(keys),
    blockingPop: (key, seconds) => cluster.blPop(key, seconds),
    close: () => cluster.close(),
  };
}
