import { ClusterClient } from '../../lib/client/cluster-client.js';
import { keySlot } from '../../lib/cluster/key-slot.js';
import { createRepositories } from '../../lib/entity/entity-registry.js';
import { LocalCluster, type LocalNode } from '../../lib/testing/index.js';
import { eventually } from '../cluster-fixture.js';
import { Order, OrderItem, Ticket, freshId } from './entity-fixtures.js';

let cluster: LocalCluster;
let client: ClusterClient;
beforeAll(async () => {
  cluster = await LocalCluster.start({ primaries: 3, replicasPerPrimary: 0 });
  client = new ClusterClient({ nodes: cluster.seeds });
  await client.connect();
}, 60_000);
afterAll(async () => {
  await client?.close();
  await cluster?.stop();
});

const epochOf = async (node: LocalNode): Promise<string | undefined> =>
  /cluster_current_epoch:(\d+)/.exec(String(await cluster.command(node, 'CLUSTER', 'INFO')))?.[1];

it('goes on, and loses and doubles nothing, while its slot moves', async () => {
  const registry = createRepositories(client, [Order, OrderItem, Ticket]);
  const orders = registry.repository(Order);
  const tickets = registry.repository(Ticket);
  const { id } = await orders.insert(orders.create({ id: freshId() }));
  const counting = { orderId: id, id: 1 };
  await registry
    .repository(OrderItem)
    .insert(registry.repository(OrderItem).create({ ...counting, quantity: 0 }));

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
      });
      await tickets.update(key, { note: 'kept' });
      written++;
    }
  };
  const workers = Promise.all([1, 2, 3, 4].map(work));
  try {
    for (let turn = 0; turn < 4; turn++) {
      const from = await cluster.primaryOfSlot(keySlot(orders.keyOf(id)));
      const to = cluster.primaries.find((node) => node !== from)!;
      await cluster.migrateSlots([keySlot(orders.keyOf(id))], from, to, { keysPerStep: 50, pauseMs: 5 });
      // A node that does not know the newest epoch would claim the slot with an old one, and not be believed.
      await eventually(async () => new Set(await Promise.all(cluster.primaries.map(epochOf))).size === 1);
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
}, 60_000);
