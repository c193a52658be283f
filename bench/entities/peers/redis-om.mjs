import { createRequire } from 'node:module';

const idOf = ({ orderId, id }) => `${orderId}.${id}`;

/**
 * redis-om's repository of hashes, on the cluster client of the node-redis that it brings. Without RediSearch it can save
 * and fetch; it has no bigint and no nested values in hashes, which are given to it as text.
 */
export async function connect(nodes) {
  const { EntityId, Repository, Schema } = await import('redis-om');
  // not the node-redis of the other benchmarks, which is a later one
  const { createCluster } = createRequire(createRequire(import.meta.url).resolve('redis-om'))('redis');
  const cluster = createCluster({
    rootNodes: nodes.map(({ host, port }) => ({ url: `redis://${host}:${port}` })),
  });
  await cluster.connect();
  const schema = new Schema(
    'om-line',
    {
      orderId: { type: 'string' },
      id: { type: 'string' },
      sku: { type: 'string' },
      status: { type: 'string' },
      title: { type: 'string' },
      quantity: { type: 'number' },
      priceCents: { type: 'string' },
      gift: { type: 'boolean' },
      addedAt: { type: 'date' },
      shipTo: { type: 'string' },
    },
    { dataStructure: 'HASH' },
  );
  const lines = new Repository(schema, cluster);
  const entityOf = (line) => ({
    ...line,
    [EntityId]: idOf(line),
    priceCents: String(line.priceCents),
    shipTo: JSON.stringify(line.shipTo),
  });
  const save = (line) => lines.save(line);
  return {
    async load(data) {
      const entities = data.map(entityOf);
      for (let start = 0; start < data.length; start += 100)
        await Promise.all(entities.slice(start, start + 100).map(save));
      return entities;
    },
    insert: (line) => save(entityOf(line)),
    save,
    findOne: (line) => lines.fetch(idOf(line)),
    findMany: (some) => lines.fetch(some.map(idOf)),
    saveMany: (changed) => Promise.all(changed.map(({ line }) => save(line))),
    close: () => cluster.quit(),
  };
}
