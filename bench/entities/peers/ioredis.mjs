import calculateSlot from 'cluster-key-slot';
import { decodeLine, encodeLine } from '../codecs-by-hand.mjs';

let prefix;
const rowOf = ({ orderId, id }) => `${prefix}:{${orderId}}:${id}`;
const indexOf = (orderId, status) => `${prefix}:{${orderId}}:status:${status}`;
const listOf = (orderId) => `${prefix}:{${orderId}}:lines`;
const skusOf = (orderId) => `${prefix}:{${orderId}}:skus`;
const decoded = (line, hash) => decodeLine(line.orderId, line.id, hash);

/**
 * Written by hand with ioredis.
 * @param {{ indexes: boolean }} settings with sets, a sorted set and a hash of uniques that are kept in a MULTI; or rows alone
 */
export async function connect(nodes, { indexes }) {
  prefix = indexes ? 'multi' : 'rows';
  const { Cluster } = await import('ioredis');
  const cluster = new Cluster(nodes, { lazyConnect: true });
  await cluster.connect();
  const writes = indexes ? indexed(cluster) : plain(cluster);
  const readRows = async (some) => {
    const hashes = await byNode(cluster, some, (pipeline, line) => pipeline.hgetall(rowOf(line)));
    return some.map((line, i) => decoded(line, hashes[i]));
  };
  return {
    async load(data) {
      for (let start = 0; start < data.length; start += 100)
        await Promise.all(data.slice(start, start + 100).map((line) => writes.insert(line)));
      return data.map((line) => ({ ...line }));
    },
    ...writes,
    patch: (line, quantity) => cluster.hset(rowOf(line), 'quantity', String(quantity)),
    findOne: async (line) => decoded(line, await cluster.hgetall(rowOf(line))),
    findMany: readRows,
    close: () => cluster.quit(),
  };
}

/** Rows and nothing else. */
function plain(cluster) {
  const write = (line) => cluster.hset(rowOf(line), encodeLine(line));
  return {
    insert: write,
    save: write,
    saveMany: (changed) =>
      byNode(
        cluster,
        changed.map(({ line }) => line),
        (pipeline, line) => pipeline.hset(rowOf(line), encodeLine(line)),
      ),
  };
}

/** Rows with their indexes. Nothing is checked: neither versions nor whether a sku is taken. */
function indexed(cluster) {
  const inserting = (multi, line) =>
    multi
      .hset(rowOf(line), encodeLine(line))
      .zadd(listOf(line.orderId), 0, line.id)
      .sadd(indexOf(line.orderId, line.status), line.id)
      .hset(skusOf(line.orderId), line.sku, line.id);
  const saving = (multi, line, before) =>
    multi
      .hset(rowOf(line), encodeLine(line))
      .srem(indexOf(line.orderId, before), line.id)
      .sadd(indexOf(line.orderId, line.status), line.id);
  return {
    insert: (line) => executed(inserting(cluster.multi(), line)),
    save: (line, before) => executed(saving(cluster.multi(), line, before)),
    async findBy(orderId, status) {
      const ids = await cluster.smembers(indexOf(orderId, status));
      const pipeline = cluster.pipeline();
      for (const id of ids) pipeline.hgetall(rowOf({ orderId, id }));
      const hashes = await executed(pipeline);
      return hashes.map((hash, i) => decodeLine(orderId, ids[i], hash));
    },
    saveMany: (changed) =>
      Promise.all(
        [...byOrder(changed).values()].map((group) => {
          const multi = cluster.multi();
          for (const { line, before } of group) saving(multi, line, before);
          return executed(multi);
        }),
      ),
    async move(from, to) {
      const [giver, taker] = await Promise.all([cluster.hgetall(rowOf(from)), cluster.hgetall(rowOf(to))]);
      const less = decoded(from, giver);
      const more = decoded(to, taker);
      less.quantity--;
      more.quantity++;
      await executed(cluster.multi().hset(rowOf(less), encodeLine(less)).hset(rowOf(more), encodeLine(more)));
    },
  };
}

function byOrder(changed) {
  const groups = new Map();
  for (const one of changed) {
    const { orderId } = one.line;
    if (!groups.has(orderId)) groups.set(orderId, []);
    groups.get(orderId).push(one);
  }
  return groups;
}

/** A pipeline for each node, of the lines that are there. @returns the replies in the order of the lines */
async function byNode(cluster, some, add) {
  const groups = new Map();
  some.forEach((line, i) => {
    const [node] = cluster.slots[calculateSlot(rowOf(line))];
    if (!groups.has(node)) groups.set(node, { pipeline: cluster.pipeline(), places: [] });
    const { pipeline, places } = groups.get(node);
    add(pipeline, line);
    places.push(i);
  });
  const replies = Array.from({ length: some.length });
  await Promise.all(
    [...groups.values()].map(async ({ pipeline, places }) => {
      const found = await executed(pipeline);
      places.forEach((place, i) => (replies[place] = found[i]));
    }),
  );
  return replies;
}

async function executed(pipeline) {
  const results = await pipeline.exec();
  return results.map(([error, value]) => {
    if (error) throw error;
    return value;
  });
}
