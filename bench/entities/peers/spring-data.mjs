import { decodeLine, encodeLine } from '../codecs-by-hand.mjs';

const KEYSPACE = 'spring-line';
const idOf = ({ orderId, id }) => `${orderId}.${id}`;
const rowOf = (line) => `${KEYSPACE}:${idOf(line)}`;
const helperOf = (line) => `${rowOf(line)}:idx`;
// of order and status together: without partitions a status alone would be that of all orders
const statusIndex = ({ orderId, status }) => `${KEYSPACE}:status:${orderId}.${status}`;
const indexesOf = (line) => [statusIndex(line), `${KEYSPACE}:sku:${line.sku}`];
const decoded = (line, hash) => decodeLine(line.orderId, line.id, hash);

/**
 * The commands that Spring Data Redis sends, one after the other, as its repositories do: each is a round trip. It
 * knows no partitions, so an index is one key for the whole cluster, and nothing is atomic. What it does on the Java
 * side is not measured.
 */
export async function connect(nodes) {
  const { Cluster } = await import('ioredis');
  const cluster = new Cluster(nodes, { lazyConnect: true });
  await cluster.connect();
  const save = async (line) => {
    const row = rowOf(line);
    const isNew = (await cluster.del(row)) === 0;
    await cluster.hmset(row, { _class: 'shop.OrderLine', ...encodeLine(line) });
    const helper = helperOf(line);
    if (isNew) await cluster.sadd(KEYSPACE, idOf(line));
    else {
      for (const index of await cluster.smembers(helper)) {
        await cluster.type(index);
        await cluster.srem(index, idOf(line));
      }
      await cluster.del(helper);
    }
    for (const index of indexesOf(line)) {
      await cluster.sadd(index, idOf(line));
      await cluster.sadd(helper, index);
    }
  };
  const findOne = async (line) => decoded(line, await cluster.hgetall(rowOf(line)));
  return {
    async load(data) {
      for (let start = 0; start < data.length; start += 100)
        await Promise.all(data.slice(start, start + 100).map(save));
      return data.map((line) => ({ ...line }));
    },
    insert: save,
    save,
    patch: (line, quantity) =>
      cluster.hmset(rowOf(line), { _class: 'shop.OrderLine', quantity: String(quantity) }),
    findOne,
    async findMany(some) {
      const found = [];
      for (const line of some) found.push(await findOne(line));
      return found;
    },
    async findBy(orderId, status) {
      const found = [];
      for (const id of await cluster.sinter(statusIndex({ orderId, status }))) {
        const line = { orderId, id: id.slice(orderId.length + 1) };
        found.push(await findOne(line));
      }
      return found;
    },
    async saveMany(changed) {
      for (const { line } of changed) await save(line);
    },
    close: () => cluster.quit(),
  };
}
