import {
  type ClusterRepository,
  CommandAbortedError,
  createRepositories,
  EntityExistsError,
  InvalidArgumentError,
  UniqueViolationError,
  VersionConflictError,
} from 'keyslot';
import { Order, Ticket, counted, freshId, sharedClient } from '../fixtures.js';

const cluster = sharedClient();
let client: ReturnType<typeof counted>;
let orders: ClusterRepository<Order>;
let tickets: ClusterRepository<Ticket>;
beforeAll(() => {
  client = counted(cluster.client);
  const registry = createRepositories(client, [Order, Ticket]);
  orders = registry.repository(Order);
  tickets = registry.repository(Ticket);
});

const newOrders = (count: number): Order[] => Array.from({ length: count }, () => orders.create());

describe('saveMany', () => {
  it('inserts and updates in one batch, on all nodes', async () => {
    const all = newOrders(300);
    client.calls.length = 0;
    const results = await orders.saveMany(all);
    expect(client.calls).toEqual(['batch always']);
    expect(results).toEqual(all.map((value) => ({ ok: true, value })));
    expect(await orders.findMany(all.map(({ id }) => id))).toEqual(all);

    all.forEach((order, i) => i % 2 === 0 && (order.note = `${i}`));
    const versions = all.map(({ version }) => version);
    expect((await orders.saveMany(all)).every(({ ok }) => ok)).toBe(true);
    expect(all.map(({ version }) => version)).toEqual(versions.map((before, i) => before + ((i + 1) % 2)));
    expect(await orders.findMany(all.map(({ id }) => id))).toEqual(all);
  });

  it('returns the result of each item, and stops for none', async () => {
    const [stale, fine, unchanged] = newOrders(3);
    await orders.saveMany([stale, fine, unchanged]);
    await orders.update(stale.id, { note: 'theirs' });
    stale.note = 'ours';
    fine.note = 'ours';
    const exists = orders.create({ id: fine.id });
    const wrong = Object.assign(orders.create(), { cents: 'many' as never });
    const results = await orders.saveMany([stale, fine, exists, wrong, unchanged, fine]);
    expect(results.map((result) => (result.ok ? result.value : result.error.constructor))).toEqual([
      VersionConflictError,
      fine,
      EntityExistsError,
      InvalidArgumentError,
      unchanged,
      fine,
    ]);
    expect(await orders.findOne(fine.id)).toEqual(fine);
    expect(await orders.findOne(stale.id)).toMatchObject({ note: 'theirs' });
  });

  it('maintains indexes and unique constraints', async () => {
    const orderId = freshId();
    const one = (id: string, seat: string) => tickets.create({ orderId, id, seat, price: 5 });
    const results = await tickets.saveMany([one('a', '1'), one('b', '1'), one('c', '2')]);
    expect(results.map((result) => (result.ok ? 'saved' : result.error.constructor))).toEqual([
      'saved',
      UniqueViolationError,
      'saved',
    ]);
    expect(await tickets.countBy({ orderId, price: 5 })).toBe(2);
    // what a row that others deleted has left is no obstacle
    await cluster.client.del(tickets.keyOf({ orderId, id: 'a' }));
    expect(await tickets.saveMany([one('d', '1')])).toMatchObject([{ ok: true }]);
  });

  it('accepts an empty list, and options for all items', async () => {
    expect(await orders.saveMany([])).toEqual([]);
    const aborted = await orders.saveMany(newOrders(2), { signal: AbortSignal.abort() });
    expect(aborted.map((result) => !result.ok && result.error.constructor)).toEqual([
      CommandAbortedError,
      CommandAbortedError,
    ]);
    const durability = { replicas: 1, timeoutMs: 5_000 };
    expect(await orders.saveMany(newOrders(2), { durability })).toMatchObject([{ ok: true }, { ok: true }]);
    const unreached = await orders.saveMany(newOrders(1), { durability: { replicas: 9, timeoutMs: 1 } });
    expect(unreached).toMatchObject([
      { ok: false, error: { code: 'DURABILITY_NOT_REACHED', applied: true } },
    ]);
    const [order] = newOrders(1);
    await cluster.client.script('FLUSH'); // as after a restart of the servers
    expect(await orders.saveMany([order])).toEqual([{ ok: true, value: order }]);
  });
});

describe('deleteMany', () => {
  it('deletes existing rows, and reports missing rows and invalid keys individually', async () => {
    const all = newOrders(100);
    await orders.saveMany(all);
    client.calls.length = 0;
    const results = await orders.deleteMany([...all.map(({ id }) => id), freshId(), '']);
    expect(client.calls).toEqual(['batch safe']);
    expect(results.slice(0, 100)).toEqual(all.map(() => ({ ok: true, value: { deleted: true } })));
    expect(results.slice(100)).toEqual([
      { ok: true, value: { deleted: false } },
      { ok: false, error: expect.any(InvalidArgumentError) },
    ]);
    expect(await orders.findMany(all.map(({ id }) => id))).toEqual(all.map(() => null));
  });

  it('leaves no index entries', async () => {
    const orderId = freshId();
    const all = Array.from({ length: 10 }, (_, i) => tickets.create({ orderId, id: `${i}`, seat: `${i}` }));
    await tickets.saveMany(all);
    await tickets.deleteMany(all);
    const { tag } = tickets.partition(orderId);
    expect(await cluster.client.exists(`${tag}:Ticket~ix`)).toBe(0);
    expect(await cluster.client.exists(`${tag}:Ticket~uq`)).toBe(0);
  });
});
