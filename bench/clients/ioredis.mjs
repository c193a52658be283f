import calculateSlot from 'cluster-key-slot';

/** ioredis, and iovalkey, which is a fork of it. */
export async function connect(nodes, { package: name = 'ioredis', options = {}, grouped = false } = {}) {
  const { Cluster } = await import(name);
  const cluster = new Cluster(nodes, { ...options, lazyConnect: true });
  await cluster.connect();
  const together = grouped
    ? groupedByNode(cluster)
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

/** A pipeline may hold keys of several slots as long as one node has them all, so a caller can group them. */
function groupedByNode(cluster) {
  return async (keys) => {
    const groups = new Map();
    for (let i = 0; i < keys.length; i++) {
      const node = cluster.slots[calculateSlot(keys[i])][0];
      let group = groups.get(node);
      if (group === undefined) groups.set(node, (group = { pipeline: cluster.pipeline(), indexes: [] }));
      group.pipeline.get(keys[i]);
      group.indexes.push(i);
    }
    const values = Array.from({ length: keys.length });
    await Promise.all(
      [...groups.values()].map(async ({ pipeline, indexes }) => {
        const results = await pipeline.exec();
        results.forEach(([error, value], i) => {
          if (error) throw error;
          values[indexes[i]] = value;
        });
      }),
    );
    return values;
  };
}
