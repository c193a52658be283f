import { orderClasses } from '../order-line.mjs';

const OURS = new URL('../../../dist/index.js', import.meta.url).href;

/** @param {{ dist?: string, keyPrefix?: string }} settings the build, that of this tree if left out, and of its keys */
export async function connect(nodes, { dist = OURS, keyPrefix = 'keyslot:' } = {}) {
  const build = await import(dist);
  const { ClusterClient, createRepositories } = build;
  const { Order, OrderLine } = orderClasses(build);
  const client = new ClusterClient({ nodes, keyPrefix });
  await client.connect();
  const lines = createRepositories(client, [Order, OrderLine]).repository(OrderLine);
  const keyOf = ({ orderId, id }) => ({ orderId, id });
  const checked = (results) => {
    const failed = results.find(({ ok }) => !ok);
    if (failed) throw failed.error;
  };
  return {
    async load(data) {
      const entities = data.map((line) => lines.create(line));
      checked(await lines.saveMany(entities));
      return entities;
    },
    insert: (data) => lines.insert(lines.create(data)),
    save: (line) => lines.save(line),
    patch: ({ orderId, id }, quantity) => lines.update({ orderId, id }, { quantity }),
    findOne: (line) => lines.findOne(keyOf(line)),
    findMany: (some) => lines.findMany(some.map(keyOf)),
    findBy: (orderId, status) => lines.findBy({ orderId, status }),
    saveMany: async (changed) => checked(await lines.saveMany(changed.map(({ line }) => line))),
    move: (from, to) =>
      lines.transaction(from.orderId, async (tx) => {
        const [giver, taker] = await Promise.all([
          tx.get(OrderLine, keyOf(from)),
          tx.get(OrderLine, keyOf(to)),
        ]);
        giver.quantity--;
        taker.quantity++;
        tx.save(giver);
        tx.save(taker);
      }),
    close: () => client.close(),
  };
}
