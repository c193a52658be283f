import {
  type ClusterRepository,
  createRepositories,
  EntityExistsError,
  EntityNotFoundError,
  InvalidArgumentError,
  PartitionKeyChangedError,
  SchemaMismatchError,
  VersionConflictError,
} from 'keyslot';
import { Address, Order, OrderItem, Timed, counted, freshId, sharedClient } from '../fixtures.js';

const cluster = sharedClient();
let client: ReturnType<typeof counted>;
let orders: ClusterRepository<Order>;
let items: ClusterRepository<OrderItem>;

beforeAll(() => {
  client = counted(cluster.client);
  const registry = createRepositories(client, [Order, OrderItem]);
  orders = registry.repository(Order);
  items = registry.repository(OrderItem);
});

const full = (id = freshId()): Order =>
  orders.create({
    id,
    status: 'paid',
    cents: 2n ** 70n,
    note: 'naïve ☃ \0',
    paid: false,
    due: new Date(86_400_000),
    seal: Buffer.from([0, 255, 13, 10]),
    tags: ['a', 'b'],
    extra: { deep: [1, { er: null }] },
    shipTo: Object.assign(new Address(), { street: 'Main', since: new Date(5) }),
  });

describe('reading', () => {
  it('gives back what was inserted, as instances of its class', async () => {
    const order = await orders.insert(full());
    const found = await orders.findOneOrFail(order.id);
    expect(found).toBeInstanceOf(Order);
    expect(found).toEqual(order);
    expect(found).not.toBe(order);
    expect(found.shipTo?.label()).toBe('to Main');
    expect(found.views).toBe(0);
  });

  it('is null where there is nothing', async () => {
    const id = freshId();
    expect(await orders.findOne(id)).toBeNull();
    expect(await orders.exists(id)).toBe(false);
    await expect(orders.findOneOrFail(id)).rejects.toThrow(EntityNotFoundError);
  });

  it('takes many keys of any slots, and answers in their order', async () => {
    const inserted = await Promise.all(Array.from({ length: 20 }, () => orders.insert(orders.create())));
    const keys = inserted.flatMap(({ id }) => [id, freshId()]);
    client.calls.length = 0;
    const found = await orders.findMany(keys);
    expect(client.calls).toEqual(['pipeline']);
    expect(found.map((order) => order?.id)).toEqual(inserted.flatMap(({ id }) => [id, undefined]));
    expect(await orders.findMany([])).toEqual([]);
  });

  it('has the whole key of an entity that lives in the partition of another', async () => {
    const orderId = freshId();
    await items.insert(items.create({ orderId, id: 7 }));
    expect(await items.findOne({ orderId, id: 7 })).toMatchObject({
      orderId,
      id: 7,
      quantity: 1,
      reserved: 0n,
    });
    expect(items.keyOf({ orderId, id: 7 })).toBe(`{Order:${orderId}}:OrderItem:7`);
    expect(await items.exists({ orderId, id: 7 })).toBe(true);
  });
});

describe('insert', () => {
  it('is refused where there is a row already', async () => {
    const order = await orders.insert(orders.create({ note: 'first' }));
    await expect(orders.insert(orders.create({ id: order.id, note: 'second' }))).rejects.toThrow(
      EntityExistsError,
    );
    expect(await orders.findOne(order.id)).toMatchObject({ note: 'first', version: order.version });
  });

  it('makes an id where there is none, and refuses one that is missing', async () => {
    expect((await orders.insert(new Order())).id).toMatch(/^[\da-f]{8}-[\da-f]{4}-7/);
    await expect(items.insert(items.create({ orderId: freshId() }))).rejects.toThrow('OrderItem.id');
  });

  it('refuses values that are not of their type, naming class and property and not the value', async () => {
    const order = Object.assign(orders.create(), { note: { secret: 1 } });
    await expect(orders.insert(order)).rejects.toThrow(InvalidArgumentError);
    await expect(orders.insert(order)).rejects.toThrow('Order.note must be a string');
    for (const wrong of [
      { status: 'gone' },
      { cents: 1 },
      { due: new Date(NaN) },
      { tags: ['a', 1] },
      { extra: 1n },
    ])
      await expect(orders.insert(Object.assign(orders.create(), wrong))).rejects.toThrow(
        `Order.${Object.keys(wrong)[0]} must be`,
      );
  });
});

describe('save', () => {
  it('inserts what is new and updates what was loaded, only what has changed', async () => {
    const order = await orders.save(full());
    const found = await orders.findOneOrFail(order.id);
    await orders.update(order.id, { note: 'theirs' }); // another writer, another property
    found.status = 'new';
    await expect(orders.save(found)).rejects.toThrow(VersionConflictError);
    const again = await orders.findOneOrFail(order.id);
    again.status = 'new';
    const { version } = again;
    await orders.save(again);
    expect(again.version).toBe(version + 1);
    expect(await orders.findOne(order.id)).toEqual({
      ...order,
      note: 'theirs',
      status: 'new',
      version: again.version,
    });
  });

  it('sends nothing where nothing has changed', async () => {
    const order = await orders.save(full());
    const found = await orders.findOneOrFail(order.id);
    client.calls.length = 0;
    await orders.save(found);
    await orders.save(order);
    expect(client.calls).toEqual([]);
  });

  it('notices changes inside of values', async () => {
    const { id } = await orders.save(full());
    const change = async (how: (order: Order) => void): Promise<Order> => {
      const order = await orders.findOneOrFail(id);
      how(order);
      client.calls.length = 0;
      await orders.save(order);
      expect(client.calls).toEqual(['script always']);
      return orders.findOneOrFail(id);
    };
    expect((await change(({ due }) => due!.setTime(7))).due).toEqual(new Date(7));
    expect((await change(({ seal }) => (seal![0] = 9))).seal?.[0]).toBe(9);
    expect((await change(({ tags }) => tags!.push('c'))).tags).toEqual(['a', 'b', 'c']);
    expect((await change(({ extra }) => Object.assign(extra as object, { x: 1 }))).extra).toHaveProperty('x');
    expect((await change(({ shipTo }) => (shipTo!.street = 'Side'))).shipTo?.street).toBe('Side');
    expect((await change(({ shipTo }) => shipTo!.since!.setTime(9))).shipTo?.since).toEqual(new Date(9));
  });

  it('removes what is null or undefined, and has undefined for what is absent', async () => {
    const order = await orders.save(full());
    Object.assign(order, { note: null, due: undefined });
    delete order.seal;
    order.status = undefined as never;
    await orders.save(order);
    const stored = await cluster.client.hgetall(orders.keyOf(order.id));
    for (const gone of ['note', 'due', 'seal', 'status']) expect(stored).not.toHaveProperty(gone);
    const found = await orders.findOneOrFail(order.id);
    expect([found.note, found.due, found.seal]).toEqual([undefined, undefined, undefined]);
    expect(found.status).toBeUndefined(); // not the default of the class
  });

  it('refuses a key that was changed', async () => {
    const order = await orders.save(orders.create());
    order.id = freshId();
    await expect(orders.save(order)).rejects.toThrow(PartitionKeyChangedError);
    await expect(orders.remove(order)).rejects.toThrow(PartitionKeyChangedError);
  });

  it('believes a version that came from elsewhere', async () => {
    const order = await orders.save(orders.create());
    const stale = order.version;
    await orders.update(order.id, { note: 'x' });
    const found = await orders.findOneOrFail(order.id);
    found.version = stale; // what a form was made of
    await expect(orders.save(found)).rejects.toMatchObject({ expected: stale, actual: stale + 1 });
  });

  it('does not bring back a row that was deleted, or take one made anew for the old one', async () => {
    const order = await orders.save(orders.create());
    await orders.delete(order.id);
    order.note = 'late';
    await expect(orders.save(order)).rejects.toMatchObject({ code: 'VERSION_CONFLICT', actual: undefined });
    const renewed = await orders.insert(orders.create({ id: order.id }));
    expect(renewed.version).toBeGreaterThan(order.version);
    await expect(orders.save(order)).rejects.toThrow(VersionConflictError);
    expect((await orders.findOneOrFail(order.id)).note).toBeUndefined();
  });
});

describe('update', () => {
  it('changes what it names, removes what is null, and leaves what is undefined', async () => {
    const order = await orders.save(full());
    const { version } = await orders.update(order.id, { status: 'new', note: null, paid: undefined });
    expect(version).toBe(order.version + 1);
    expect(await orders.findOne(order.id)).toEqual({ ...order, status: 'new', note: undefined, version });
  });

  it('checks the version if one is given, and without a change only that', async () => {
    const { id, version } = await orders.save(full());
    await expect(orders.update(id, { note: 'x' }, { ifVersion: version + 1 })).rejects.toThrow(
      VersionConflictError,
    );
    await expect(orders.update(id, {}, { ifVersion: version + 1 })).rejects.toThrow(VersionConflictError);
    expect(await orders.update(id, {}, { ifVersion: version })).toEqual({ version });
    expect(await orders.update(id, { note: 'x' }, { ifVersion: version })).toEqual({ version: version + 1 });
  });

  it('makes no row', async () => {
    const id = freshId();
    await expect(orders.update(id, { note: 'x' })).rejects.toThrow(EntityNotFoundError);
    await expect(orders.update(id, {})).rejects.toThrow(EntityNotFoundError);
    expect(await orders.exists(id)).toBe(false);
  });

  it('refuses what is no property, or not one to patch', async () => {
    const { id } = await orders.save(orders.create());
    for (const name of ['id', 'version', 'views', 'nothing', '~v', 'constructor', '__proto__'])
      await expect(orders.update(id, Object.fromEntries([[name, 1]]))).rejects.toThrow(InvalidArgumentError);
  });
});

it('upsert writes the whole row, over any other, and leaves counters', async () => {
  const id = freshId();
  const first = await orders.upsert(full(id));
  await orders.increment(id, 'views', 5);
  const second = await orders.upsert(orders.create({ id, note: 'mine' }));
  expect(second.version).toBe(first.version + 1);
  expect(await orders.findOne(id)).toEqual(
    Object.assign(orders.create({ id, note: 'mine' }), { views: 5, version: second.version }),
  );
});

describe('remove and delete', () => {
  it('remove what was not changed meanwhile', async () => {
    const order = await orders.save(orders.create());
    const { version } = await orders.update(order.id, { note: 'x' });
    await expect(orders.remove(order)).rejects.toMatchObject({ expected: order.version, actual: version });
    const found = await orders.findOneOrFail(order.id);
    await orders.remove(found);
    expect(await orders.exists(order.id)).toBe(false);
    await orders.save(found); // it is new again
    expect(await orders.exists(order.id)).toBe(true);
  });

  it('want an entity that was loaded, or a key', async () => {
    await expect(orders.remove(orders.create())).rejects.toThrow('use delete(key)');
    const { id } = await orders.save(orders.create());
    expect(await orders.delete(id)).toEqual({ deleted: true });
    expect(await orders.delete(id)).toEqual({ deleted: false });
  });
});

describe('increment', () => {
  it('adds, and neither conflicts with saves nor is overwritten by them', async () => {
    const order = await orders.save(orders.create());
    const steps = await Promise.all(Array.from({ length: 50 }, () => orders.increment(order.id, 'views')));
    expect(new Set(steps).size).toBe(50);
    order.note = 'x';
    await orders.save(order);
    expect(await orders.increment(order.id, 'views', -8)).toBe(42);
    expect((await orders.findOneOrFail(order.id)).views).toBe(42);
  });

  it('is exact beyond what a number can hold, within 18 digits', async () => {
    const key = { orderId: freshId(), id: 1 };
    await items.insert(items.create(key));
    expect(await items.increment(key, 'reserved', 10n ** 17n + 1n)).toBe(10n ** 17n + 1n);
    expect((await items.findOneOrFail(key)).reserved).toBe(10n ** 17n + 1n);
    await expect(items.increment(key, 'reserved', 10n ** 18n)).rejects.toThrow('18 digits');
    for (const by of [0.5, NaN, 2 ** 60])
      await expect(items.increment(key, 'reserved', by)).rejects.toThrow(InvalidArgumentError);
  });

  it('makes no row, and takes only counters', async () => {
    await expect(orders.increment(freshId(), 'views')).rejects.toThrow(EntityNotFoundError);
    const { id } = await orders.save(orders.create());
    await expect(orders.increment(id, 'version' as 'views')).rejects.toThrow(
      "Order has no counter 'version'",
    );
  });

  it('refuses a counter that others have made something else', async () => {
    const { id } = await orders.save(orders.create());
    await cluster.client.hset(orders.keyOf(id), 'views', 'many');
    await expect(orders.increment(id, 'views')).rejects.toThrow(SchemaMismatchError);
    await expect(orders.findOne(id)).rejects.toThrow('Order.views');
  });
});

describe('times', () => {
  it('are those of the first write and of the last, in the index too', async () => {
    const timed = createRepositories(client, [Timed]).repository(Timed);
    const orderId = freshId();
    const long = new Date(0);
    const entity = await timed.insert(timed.create({ orderId, id: 'a' }));
    expect(Date.now() - entity.createdAt.getTime()).toBeLessThan(60_000);
    expect(entity.updatedAt).toEqual(entity.createdAt);
    const { createdAt } = entity;
    const writes = [
      () => timed.save(Object.assign(entity, { note: 'saved', updatedAt: long })),
      () => timed.upsert(Object.assign(entity, { note: 'upserted', updatedAt: long })),
      () => timed.update({ orderId, id: 'a' }, { note: 'patched', updatedAt: long }),
    ];
    for (const write of writes) {
      await write();
      const found = (await timed.findOneBy({ orderId, updatedAt: { gt: long } }))!;
      expect(found.createdAt).toEqual(createdAt);
      expect(found.updatedAt.getTime()).toBeGreaterThanOrEqual(createdAt.getTime());
    }
  });

  it('stay where nothing is written', async () => {
    const timed = createRepositories(client, [Timed]).repository(Timed);
    const key = { orderId: freshId(), id: 'a' };
    const entity = await timed.insert(timed.create({ ...key, createdAt: new Date(5) }));
    client.calls.length = 0;
    await timed.save(entity);
    expect(client.calls).toEqual([]);
    const { version } = await timed.update(key, {});
    expect(await timed.findOne(key)).toEqual(entity);
    expect(entity.createdAt).toEqual(new Date(5));
    expect(version).toBeGreaterThan(0);
  });
});
