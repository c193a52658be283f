import {
  ClusterEntity,
  type ClusterRepository,
  createRepositories,
  CrossPartitionError,
  type PartitionTransaction,
  PrimaryKey,
  TransactionConflictError,
  TransactionTooLargeError,
  UnindexedQueryError,
  type Where,
} from 'keyslot';
import { Order, OrderItem, Ticket, counted, freshId, sharedClient } from '../fixtures.js';

@ClusterEntity({ name: 'Elsewhere' })
class Elsewhere {
  @PrimaryKey() id!: string;
}

const cluster = sharedClient();
let client: ReturnType<typeof counted>;
let orders: ClusterRepository<Order>;
let items: ClusterRepository<OrderItem>;
let tickets: ClusterRepository<Ticket>;
beforeAll(() => {
  client = counted(cluster.client);
  const registry = createRepositories(client, [Order, OrderItem, Ticket]);
  orders = registry.repository(Order);
  items = registry.repository(OrderItem);
  tickets = registry.repository(Ticket);
});

type Data = Partial<Omit<Ticket, 'orderId'>> & { id: string };
async function placed(...all: Data[]): Promise<string> {
  const orderId = freshId();
  await tickets.saveMany(all.map((data) => tickets.create({ orderId, ...data })));
  return orderId;
}
const ids = (found: readonly { id: string }[]): string[] => found.map(({ id }) => id);

describe('find in a transaction', () => {
  it('finds the same rows as findBy, with one object per row', async () => {
    const orderId = await placed(
      { id: 'a', row: 'x', price: 5, seat: '1' },
      { id: 'b', row: 'x', price: 3 },
      { id: 'c', row: 'y', price: 4 },
    );
    await tickets.partition(orderId).transaction(async (tx) => {
      for (const where of [
        {},
        { row: 'x' },
        { row: 'x', price: { gt: 3 } },
        { price: { gte: 3 } },
        { row: { in: ['y', 'x'] } },
        { seat: '1' },
        { seat: { in: ['0', '1'] } },
      ] as Partial<Where<Ticket>>[])
        expect(await tx.find(Ticket, { orderId, ...where })).toEqual(
          await tickets.findBy({ orderId, ...where }),
        );
      const [first] = await tx.find(Ticket, { orderId, row: 'x' });
      expect(await tx.get(Ticket, { orderId, id: first.id })).toBe(first);
      expect((await tx.find(Ticket, { orderId }))[0]).toBe(first);
    });
  });

  it('sees its own planned writes, in order', async () => {
    const orderId = await placed({ id: 'a', price: 1 }, { id: 'c', price: 3 }, { id: 'd', price: 4 });
    await tickets.partition(orderId).transaction(async (tx) => {
      const where = { orderId, price: { gt: 0 } };
      const [a, c, d] = await tx.find(Ticket, where);
      tx.insert(tickets.create({ orderId, id: 'b', price: 2 }));
      tx.insert(tickets.create({ orderId, id: 'e' })); // without a price
      tx.save(Object.assign(a, { price: 5 }));
      tx.save(Object.assign(c, { price: undefined }));
      tx.remove(d);
      expect(ids(await tx.find(Ticket, where))).toEqual(['b', 'a']);
      expect(ids(await tx.find(Ticket, { orderId }))).toEqual(['a', 'b', 'c', 'e']);
    });
    expect(ids(await tickets.findBy({ orderId, price: { gt: 0 } }))).toEqual(['b', 'a']);
    expect(ids(await tickets.findBy({ orderId }))).toEqual(['a', 'b', 'c', 'e']);
  });

  it.each([
    ['a row that would be found is inserted', { id: 'z', price: 9, row: 'x', seat: '9' }],
    ['nothing but a row that is not asked for', { id: 'z', price: 9, row: 'other' }],
  ])('runs again if %s', async (_, data) => {
    const orderId = await placed({ id: 'a', row: 'x', price: 1 });
    for (const where of [{ row: 'x' }, { row: { in: ['x', 'y'] } }, { seat: '9' }] as Partial<
      Where<Ticket>
    >[]) {
      let runs = 0;
      const last = await tickets.partition(orderId).transaction(async (tx) => {
        const found = await tx.find(Ticket, { orderId, ...where });
        if (++runs === 1) await tickets.insert(tickets.create({ orderId, ...data }));
        tx.save(orders.create({ id: orderId, note: `${found.length}` }));
        return found.length;
      });
      const isPhantom = data.row === 'x';
      expect(runs).toBe(isPhantom ? 2 : 1);
      expect(last).toBe((await tickets.findBy({ orderId, ...where })).length);
      await tickets.delete({ orderId, id: 'z' });
      await orders.delete(orderId);
    }
  });

  it('runs again if a row that was found is changed, deleted, or no longer matches', async () => {
    const key = { orderId: '', id: 'a' };
    for (const change of [
      () => tickets.update(key, { note: 'changed' }),
      () => tickets.update(key, { row: 'y' }),
      () => tickets.delete(key),
    ]) {
      const orderId = (key.orderId = await placed({ id: 'a', row: 'x' }));
      let runs = 0;
      await tickets.partition(orderId).transaction(async (tx) => {
        await tx.find(Ticket, { orderId, row: 'x' });
        if (++runs === 1) await change();
        tx.insert(orders.create({ id: orderId }));
      });
      expect(runs).toBe(2);
    }
  });

  it('is checked even if nothing is written, or the function fails', async () => {
    const orderId = await placed();
    let runs = 0;
    const count = await tickets.partition(orderId).transaction(async (tx) => {
      const found = await tx.find(Ticket, { orderId });
      if (++runs === 1) await tickets.insert(tickets.create({ orderId, id: 'a' }));
      return found.length;
    });
    expect([runs, count]).toEqual([2, 1]);
    runs = 0;
    const failing = tickets.partition(orderId).transaction(async (tx) => {
      const found = await tx.find(Ticket, { orderId });
      if (++runs === 1) await tickets.delete({ orderId, id: 'a' });
      throw new Error(`found ${found.length}`);
    });
    await expect(failing).rejects.toThrow('found 0');
  });

  it('prevents two callers from taking the last place', async () => {
    const orderId = await placed();
    const join = (id: string): Promise<boolean> =>
      createRepositories(client, [Ticket])
        .repository(Ticket)
        .transaction(orderId, async (tx) => {
          if ((await tx.find(Ticket, { orderId, row: 'x' })).length >= 5) return false;
          tx.insert(tickets.create({ orderId, id, row: 'x' }));
          return true;
        });
    const joined = await Promise.all(Array.from({ length: 20 }, (_, i) => join(`${i}`)));
    expect(joined.filter(Boolean)).toHaveLength(5);
    expect(await tickets.countBy({ orderId, row: 'x' })).toBe(5);
  });

  it('is limited to its partition, its indexes and its size', async () => {
    const orderId = await placed();
    const run = (work: (tx: PartitionTransaction) => Promise<unknown>) =>
      tickets.partition(orderId).transaction(work, { attempts: 1 });
    await expect(run((tx) => tx.find(Ticket, { orderId: freshId() }))).rejects.toThrow(CrossPartitionError);
    await expect(run((tx) => tx.find(Ticket, { orderId, note: 'x' } as object))).rejects.toThrow(
      UnindexedQueryError,
    );
    await tickets.saveMany(
      Array.from({ length: 101 }, (_, i) => tickets.create({ orderId, id: `${i}`, row: i > 0 ? 'x' : 'y' })),
    );
    await expect(run((tx) => tx.find(Ticket, { orderId }))).rejects.toThrow(TransactionTooLargeError);
    expect(await run((tx) => tx.find(Ticket, { orderId, row: 'x' }))).toHaveLength(100);
    const disturbed = run(async (tx) => {
      await tx.find(Ticket, { orderId, row: 'y' });
      await tickets.update({ orderId, id: '1' }, { row: 'y' });
    });
    await expect(disturbed).rejects.toThrow(TransactionConflictError);
    let kept: PartitionTransaction | undefined;
    await run((tx) => Promise.resolve((kept = tx)));
    await expect(kept!.find(Ticket, { orderId })).rejects.toThrow('check its function for a missing await');
  });
});

describe('loadAll', () => {
  it('returns all entities of the classes, as instances that can be saved', async () => {
    const orderId = await placed({ id: 'b' }, { id: 'a', price: 2, seat: '1' });
    const empty = await orders.partition(orderId).loadAll([Order, OrderItem]);
    expect(empty).toEqual([[], []]);
    await orders.insert(orders.create({ id: orderId, seal: Buffer.from([0, 255]) }));
    await items.insert(items.create({ orderId, id: 1 }));
    client.calls.length = 0;
    const [[order], lines, all] = await orders.partition(orderId).loadAll([Order, OrderItem, Ticket]);
    expect(client.calls).toEqual(['zrangebylex', 'zrangebylex', 'script always']);
    expect(order).toEqual(await orders.findOne(orderId));
    expect(lines).toEqual(await items.findBy({ orderId }));
    expect(all).toEqual(await tickets.findBy({ orderId }));
    expect(all[0]).toBeInstanceOf(Ticket);
    await tickets.save(Object.assign(all[0], { note: 'saved' }));
    expect(await orders.partition(freshId()).loadAll([Order, Ticket])).toEqual([[], []]);
    expect(await orders.partition(orderId).loadAll([])).toEqual([]);
  });

  it('returns a consistent snapshot', async () => {
    const orderId = await placed();
    const state = { isOver: false };
    const write = async (): Promise<void> => {
      // each step keeps as many tickets as the order's note says
      for (let i = 0; !state.isOver; i++)
        await orders.transaction(orderId, async (tx) => {
          const order = (await tx.get(Order, orderId)) ?? orders.create({ id: orderId });
          const ticket = await tx.get(Ticket, { orderId, id: `${i % 7}` });
          if (ticket) tx.remove(ticket);
          else tx.insert(tickets.create({ orderId, id: `${i % 7}` }));
          order.note = String(Number(order.note ?? 0) + (ticket ? -1 : 1));
          tx.save(order);
        });
    };
    const writing = write();
    for (let i = 0; i < 100; i++) {
      const [[order], all] = await orders.partition(orderId).loadAll([Order, Ticket]);
      expect(all).toHaveLength(Number(order?.note ?? 0));
    }
    state.isOver = true;
    await writing;
  });

  it('rejects classes of other partitions, and more than a thousand rows', async () => {
    const orderId = await placed(...Array.from({ length: 1_001 }, (_, i) => ({ id: `${i}` })));
    await expect(tickets.partition(orderId).loadAll([Ticket])).rejects.toThrow(TransactionTooLargeError);
    await expect(tickets.partition(orderId).loadAll([Elsewhere])).rejects.toThrow(
      'has no rows in partitions of',
    );
  });
});
