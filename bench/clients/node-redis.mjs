import { createCluster } from 'redis';
import { getByNode } from './by-node.mjs';

export async function connect(nodes, { options = {} } = {}) {
  const cluster = createCluster({ rootNodes: nodes.map((socket) => ({ socket })), ...options });
  cluster.on('error', () => {});
  await cluster.connect();
  const nodeOf = (slot) => cluster.slots[slot].master;
  // multi() goes to the node of its first key
  const pipeline = (keys) =>
    getByNode(
      keys,
      nodeOf,
      () => cluster.multi(),
      (multi) => multi.execAsPipeline(),
    );
  return {
    get: (key) => cluster.get(key),
    set: (key, value) => cluster.set(key, value),
    pipeline,
    mget: (keys) => cluster.mGet(keys),
    blockingPop: (key, seconds) => cluster.blPop(key, seconds),
    close: () => cluster.close(),
  };
}
