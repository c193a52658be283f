import {
  ClusterClient,
  ClusterEntity,
  type ClusterList,
  type ClusterSet,
  createRepositories,
  keySlot,
  ListOf,
  PartitionKey,
  PrimaryKey,
  SetOf,
} from 'keyslot';
import { LocalCluster, type LocalNode } from 'keyslot/testing';
import { eventually } from '../../../cluster-fixture.js';
import { Order, OrderItem, Ticket, freshId } from '../fixtures.js';

@ClusterEntity({ name: 'Crate', partition: () => Order, idempotency: 'window' })
class Crate {
  @PartitionKey() orderId!: string;
  @PrimaryKey() id!: string;
  @ListOf(String) contents!: ClusterList<string>;
  @SetOf(String) labels!: ClusterSet<string>;
}

let cluster: LocalCluster;
let client: ClusterClient;
beforeAll(async () => {
  cluster = await LocalCluster.start({ primaries: 3, replicasPerPrimary: 0 });
  client = new ClusterClient({ nodes: cluster.seeds });
  await client.connect();
});
afterAll(async () => {
  await client?.close();
  await cluster?.stop();
});

const epochOf = async (node: LocalNode): Promise<string | undefined> =>
  /cluster_current_epoch:(\d+)/.exec(String(await cluster.command(node, 'CLUSTER', 'INFO')))?.[1];

it('continues, and loses or duplicates nothing, while its slot moves', async () => {
  const registry = createRepositories(client, [Order, OrderItem, Ticket, Crate]);
  const orders = registry.repository(Order);
  const tickets = registry.repository(Ticket);
  const crates = registry.repository(Crate);
  const { id } = await orders.insert(orders.create({ id: freshId() }));
  const counting = { orderId: id, id: 1 };
  await registry
    .repository(OrderItem)
    .insert(registry.repository(OrderItem).create({ ...counting, quantity: 0 }));

  const all = await crates.insert(crates.create({ orderId: id, id: 'all' }));

  const move = { isOver: false };
  let written = 0;
  const work = async (worker: number): Promise<void> => {
    for (let i = 0; !move.isOver; i++) {
      const key = { orderId: id, id: `${worker}-${i}` };
      await orders.transaction(id, async (tx) => {
        const item = (await tx.get(OrderItem, counting))!;
        item.quantity++;
        tx.save(item);
        tx.insert(tickets.create({ ...key, seat: key.id, row: `${i % 2}` }));
        tx.collection(Crate, { orderId: id, id: 'all' }, 'labels').add(key.id);
      });
      const crate = await crates.insert(crates.create(key));
      await crate.contents.push(key.id, 'more');
      await all.contents.push(key.id);
      if (i % 2 === 0) await crates.remove(crate);
      else expect(await crate.contents.range()).toEqual([key.id, 'more']);
      await tickets.update(key, { note: 'kept' });
      written++;
    }
  };
  const workers = Promise.all([1, 2, 3, 4].map(work));
  try {
    for (let turn = 0; turn < 4; turn++) {
      const from = await cluster.primaryOfSlot(keySlot(orders.keyOf(id)));
      const to = cluster.primaries.find((node) => node !== from)!;
      await cluster.migrateSlots([keySlot(orders.keyOf(id))], from, to, { keysPerStep: 20, pauseMs: 10 });
      // A node that does not know the newest epoch would claim the slot with an old one, and not be believed.
      await eventually(async () => new Set(await Promise.all(cluster.primaries.map(epochOf))).size === 1);
      const before = written;
      await eventually(() => written >= before + 25); // so that the next move finds something to carry
    }
  } finally {
    move.isOver = true;
  }
  await workers;

  expect(written).toBeGreaterThan(4);
  expect((await registry.repository(OrderItem).findOneOrFail(counting)).quantity).toBe(written);
  const found = await tickets.findBy({ orderId: id });
  expect(found).toHaveLength(written);
  expect(found.every(({ note }) => note === 'kept')).toBe(true);
  expect(await tickets.countBy({ orderId: id, row: { in: ['0', '1'] } })).toBe(written);
  expect(await client.hlen(`${orders.partition(id).tag}:Ticket~uq`)).toBe(written);
  const ids = found.map((ticket) => ticket.id).toSorted();
  expect((await all.contents.range()).toSorted()).toEqual(ids);
  expect((await all.labels.members()).toSorted()).toEqual(ids);
  const kept = new Set<string>();
  for await (const key of client.scanIterator({ match: `{Order:${id}}:Crate:*:contents` })) kept.add(key);
  const expected = ids.filter((crate) => Number(crate.split('-')[1]) % 2 === 1);
  expect(kept.size).toBe(expected.length + 1); // of the rows that are there, and no others
});
