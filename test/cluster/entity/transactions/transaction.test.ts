import {
  type ClusterRepository,
  createRepositories,
  CrossPartitionError,
  EntityExistsError,
  EntityNotFoundError,
  InvalidArgumentError,
  type PartitionTransaction,
  TransactionConflictError,
  TransactionTooLargeError,
  VersionConflictError,
} from 'keyslot';
import { MAX_TRANSACTION_BYTES } from '../../../../lib/entity/operations/commit-limits.js';
import { Order, OrderItem, counted, freshId, sharedClient } from '../fixtures.js';

const cluster = sharedClient();
let client: ReturnType<typeof counted>;
let orders: ClusterRepository<Order>;
let items: ClusterRepository<OrderItem>;

const repositories = () => {
  const registry = createRepositories(client, [Order, OrderItem]);
  return { orders: registry.repository(Order), items: registry.repository(OrderItem) };
};

beforeAll(() => {
  client = counted(cluster.client);
  ({ orders, items } = repositories());
});

/** An order with an item. */
async function placed(): Promise<{ order: Order; item: OrderItem; key: { orderId: string; id: number } }> {
  const order = await orders.insert(orders.create());
  const key = { orderId: order.id, id: 1 };
  return { order, item: await items.insert(items.create(key)), key };
}

describe('a transaction', () => {
  it('writes entities of several classes atomically, and returns the result of its function', async () => {
    const id = freshId();
    client.calls.length = 0;
    const answer = await orders.transaction(id, async (tx) => {
      tx.insert(orders.create({ id }));
      tx.save(items.create({ orderId: id, id: 1, quantity: 2 }));
      tx.increment(OrderItem, { orderId: id, id: 1 }, 'reserved', 2n);
      return Promise.resolve('done');
    });
    expect(answer).toBe('done');
    expect(client.calls).toEqual(['script safe']);
    expect(await orders.exists(id)).toBe(true);
    expect(await items.findOne({ orderId: id, id: 1 })).toMatchObject({ quantity: 2, reserved: 2n });
  });

  it('writes nothing if one condition fails', async () => {
    const { order, item, key } = await placed();
    order.note = 'changed';
    await items.update(key, { quantity: 9 }); // item is stale now
    item.quantity = 5;
    await expect(
      orders.transaction(order.id, async (tx) => {
        tx.save(order);
        tx.insert(items.create({ orderId: order.id, id: 2 }));
        tx.save(item);
        return Promise.resolve();
      }),
    ).rejects.toThrow(VersionConflictError);
    expect((await orders.findOneOrFail(order.id)).note).toBeUndefined();
    expect(await items.findMany([key, { orderId: order.id, id: 2 }])).toMatchObject([{ quantity: 9 }, null]);
    await orders.save(order); // what the transaction did not write is still to be written
    expect((await orders.findOneOrFail(order.id)).note).toBe('changed');
  });

  it('writes nothing if its function fails', async () => {
    const id = freshId();
    const failing = orders.transaction(id, (tx) => {
      tx.insert(orders.create({ id }));
      return Promise.reject(new Error('changed my mind'));
    });
    await expect(failing).rejects.toThrow('changed my mind');
    expect(await orders.exists(id)).toBe(false);
  });

  it('returns one object per row, and sees its own writes', async () => {
    const { order, key } = await placed();
    await orders.transaction(order.id, async (tx) => {
      const [first, second] = await Promise.all([tx.get(Order, order.id), tx.get(Order, order.id)]);
      expect(first).toBe(second);
      tx.save(first!);
      first!.note = 'after save';
      const item = (await tx.get(OrderItem, key))!;
      tx.remove(item);
      expect(await tx.get(OrderItem, key)).toBeNull();
      const added = items.create({ orderId: order.id, id: 2 });
      tx.insert(added);
      expect(await tx.get(OrderItem, { orderId: order.id, id: 2 })).toBe(added);
    });
    expect((await orders.findOneOrFail(order.id)).note).toBe('after save');
    expect(await items.exists(key)).toBe(false);
  });

  it('runs again if a row that it read was changed, or a row that it missed was created', async () => {
    const { order, key } = await placed();
    const missing = { orderId: order.id, id: 2 };
    const disturb = [
      () => items.update(key, { quantity: 10 }),
      () => items.insert(items.create(missing)),
      () => items.increment(key, 'reserved'), // which leaves the version alone
    ];
    const seen: unknown[] = [];
    await orders.transaction(order.id, async (tx) => {
      const item = (await tx.get(OrderItem, key))!;
      const other = await tx.get(OrderItem, missing);
      seen.push([item.quantity, other !== null, item.reserved]);
      await disturb.shift()?.();
      tx.save(Object.assign(item, { quantity: item.quantity + 1 }));
    });
    expect(seen).toEqual([
      [1, false, 0n],
      [10, false, 0n],
      [10, true, 0n],
      [10, true, 1n],
    ]);
    expect((await items.findOneOrFail(key)).quantity).toBe(11);
  });

  it('checks rows that it only reads, too', async () => {
    const { order, key } = await placed();
    let runs = 0;
    const total = await orders.transaction(order.id, async (tx) => {
      runs++;
      const { note } = (await tx.get(Order, order.id))!;
      if (runs === 1) {
        await orders.update(order.id, { note: 'both' });
        await items.update(key, { quantity: 2 });
      }
      return [note, (await tx.get(OrderItem, key))!.quantity];
    });
    expect(total).toEqual(['both', 2]);
  });

  it('does not fail because of rows that never existed at the same time', async () => {
    const { order, key } = await placed();
    let runs = 0;
    await orders.transaction(order.id, async (tx) => {
      const { note } = (await tx.get(Order, order.id))!;
      if (++runs === 1) {
        await orders.update(order.id, { note: 'large' });
        await items.update(key, { quantity: 2 });
      }
      const { quantity } = (await tx.get(OrderItem, key))!;
      if ((quantity === 2) !== (note === 'large')) throw new Error('impossible');
    });
    expect(runs).toBe(2);
  });

  it('reports errors that another run cannot fix', async () => {
    const { order, key } = await placed();
    const run = (work: (tx: PartitionTransaction) => unknown): Promise<unknown> => {
      runs = 0;
      return orders.transaction(order.id, async (tx) => {
        runs++;
        await work(tx);
      });
    };
    let runs = 0;
    const again = items.create(key);
    await expect(run((tx) => tx.insert(again))).rejects.toThrow(EntityExistsError);
    await expect(
      run(async (tx) => (await tx.get(OrderItem, key)) && tx.insert(items.create(key))),
    ).rejects.toThrow(EntityExistsError);
    expect(runs).toBe(1);
    await expect(run((tx) => tx.increment(OrderItem, { ...key, id: 5 }, 'reserved'))).rejects.toThrow(
      EntityNotFoundError,
    );
    const stale = await items.findOneOrFail(key);
    await items.update(key, { quantity: 8 });
    stale.quantity = 9;
    await expect(run(async (tx) => [await tx.get(OrderItem, key), tx.save(stale)])).rejects.toThrow(
      VersionConflictError,
    );
    expect(runs).toBe(1);
  });

  it('is limited to its partition', async () => {
    const { order } = await placed();
    const elsewhere = { orderId: freshId(), id: 1 };
    for (const work of [
      (tx: PartitionTransaction) => tx.get(OrderItem, elsewhere),
      (tx: PartitionTransaction) => tx.insert(items.create(elsewhere)),
      (tx: PartitionTransaction) => tx.increment(OrderItem, elsewhere, 'reserved'),
      (tx: PartitionTransaction) => tx.save(orders.create()),
    ])
      await expect(orders.transaction(order.id, async (tx) => work(tx))).rejects.toThrow(CrossPartitionError);
  });

  it('rejects two objects for a row, use after its end, and more rows than the limit', async () => {
    const { order, item } = await placed();
    const copy = await items.findOneOrFail({ orderId: order.id, id: 1 });
    const run = (work: (tx: PartitionTransaction) => void): Promise<unknown> =>
      orders.transaction(order.id, (tx) => Promise.resolve(work(tx)));
    await expect(run((tx) => [tx.save(item), tx.save(copy)])).rejects.toThrow(InvalidArgumentError);
    await expect(run((tx) => [tx.remove(item), tx.save(item)])).rejects.toThrow(InvalidArgumentError);
    let kept: PartitionTransaction;
    await run((tx) => (kept = tx));
    expect(() => kept.save(item)).toThrow('check its function for a missing await');
    const many = Array.from({ length: 101 }, (_, id) => items.create({ orderId: order.id, id: id + 10 }));
    await expect(run((tx) => many.forEach((one) => tx.insert(one)))).rejects.toThrow(
      TransactionTooLargeError,
    );
    order.seal = Buffer.alloc(MAX_TRANSACTION_BYTES + 1);
    await expect(run((tx) => tx.save(order))).rejects.toThrow(TransactionTooLargeError);
    await run((tx) => [tx.insert(many[0]), tx.remove(many[0])]);
    expect(await items.exists({ orderId: order.id, id: 10 })).toBe(false);
  });

  it('fails after its last attempt', async () => {
    const { order } = await placed();
    let runs = 0;
    const hopeless = orders.transaction(
      order.id,
      async (tx) => {
        const found = (await tx.get(Order, order.id))!;
        await orders.update(order.id, { note: `${++runs}` });
        tx.save(Object.assign(found, { note: 'mine' }));
      },
      { attempts: 3 },
    );
    await expect(hopeless).rejects.toThrow(TransactionConflictError);
    expect(runs).toBe(3);
    expect((await orders.findOneOrFail(order.id)).note).toBe('3');
    await expect(orders.transaction(order.id, () => Promise.resolve(), { attempts: 0 })).rejects.toThrow(
      'attempts',
    );
  });

  it('accepts a partition instead of a partition key', async () => {
    const { order, key } = await placed();
    expect(items.partition(order.id).tag).toBe(orders.partition(order.id).tag);
    await items.partition(order.id).transaction(async (tx) => {
      tx.save(Object.assign((await tx.get(OrderItem, key))!, { quantity: 3 }));
    });
    expect((await items.findOneOrFail(key)).quantity).toBe(3);
  });
});

describe('contention', () => {
  it('completes a thousand transactions of one process, each once', async () => {
    const { order, key } = await placed();
    let runs = 0;
    const buy = (): Promise<void> =>
      orders.transaction(
        order.id,
        async (tx) => {
          runs++;
          const item = (await tx.get(OrderItem, key))!;
          item.quantity++;
          tx.save(item);
          tx.increment(Order, order.id, 'views');
        },
        { attempts: 3 },
      );
    await Promise.all(Array.from({ length: 1_000 }, buy));
    expect((await items.findOneOrFail(key)).quantity).toBe(1_001);
    expect((await orders.findOneOrFail(order.id)).views).toBe(1_000);
    expect(runs).toBeLessThanOrEqual(2_000); // once at first sight, once in turn
  });

  it('completes transactions of several processes', async () => {
    const { order, key } = await placed();
    const processes = Array.from({ length: 3 }, repositories);
    await Promise.all(
      Array.from({ length: 300 }, (_, i) =>
        processes[i % 3].orders.transaction(
          order.id,
          async (tx) => {
            const item = (await tx.get(OrderItem, key))!;
            item.quantity++;
            tx.save(item);
          },
          { attempts: 500 }, // more than by default: on a busy machine one process may be slower than the others
        ),
      ),
    );
    expect((await items.findOneOrFail(key)).quantity).toBe(301);
  });

  it('continues after a function that never ends', async () => {
    const { order, key } = await placed();
    let hasTurn!: () => void;
    const turn = new Promise<void>((resolve) => (hasTurn = resolve));
    let disturbed = false;
    void orders.transaction(order.id, async (tx) => {
      const item = (await tx.get(OrderItem, key))!;
      if (disturbed) {
        hasTurn();
        await new Promise(() => undefined);
      }
      disturbed = true;
      await items.update(key, { quantity: 5 });
      tx.save(Object.assign(item, { quantity: 0 }));
    });
    await turn;
    await orders.transaction(order.id, async (tx) => {
      tx.save(Object.assign((await tx.get(OrderItem, key))!, { quantity: 6 }));
    });
    expect((await items.findOneOrFail(key)).quantity).toBe(6);
  });
});
