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
  it('returns inserted rows as instances of their class', async () => {
    const order = await orders.insert(full());
    const found = await orders.findOneOrFail(order.id);
    expect(found).toBeInstanceOf(Order);
    expect(found).toEqual(order);
    expect(found).not.toBe(order);
    expect(found.shipTo?.label()).toBe('to Main');
    expect(found.views).toBe(0);
  });

  it('returns null for a missing row', async () => {
    const id = freshId();
    expect(await orders.findOne(id)).toBeNull();
    expect(await orders.exists(id)).toBe(false);
    await expect(orders.findOneOrFail(id)).rejects.toThrow(EntityNotFoundError);
  });

  it('accepts many keys of any slots, and returns results in their order', async () => {
    const inserted = await Promise.all(Array.from({ length: 20 }, () => orders.insert(orders.create())));
    const keys = inserted.flatMap(({ id }) => [id, freshId()]);
    client.calls.length = 0;
    const found = await orders.findMany(keys);
    expect(client.calls).toEqual(['pipeline', 'pipeline']); // the second for the missing rows
    expect(found.map((order) => order?.id)).toEqual(inserted.flatMap(({ id }) => [id, undefined]));
    expect(await orders.findMany([])).toEqual([]);
  });

  it('knows an object apart from other repositories, and one that is frozen', async () => {
    const others = createRepositories(client, [Order, OrderItem]).repository(Order);
    const order = await orders.insert(full());
    await expect(others.save(order)).rejects.toThrow(EntityExistsError);
    await orders.delete(order.id);
    await others.insert(order);
    order.note = 'first';
    await others.save(order);
    await others.remove(order);
    await others.insert(order);
    expect(await orders.findOneOrFail(order.id)).toEqual(order);
    const frozen = Object.freeze(orders.create({ id: freshId() }));
    await orders.insert(frozen);
    await expect(orders.insert(frozen)).rejects.toThrow(EntityExistsError);
    await orders.save(frozen);
    await orders.remove(frozen);
    expect(await orders.exists(frozen.id)).toBe(false);
  });

  it('returns the whole key of an entity in the partition of another', async () => {
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
  it('is rejected if the row exists', async () => {
    const order = await orders.insert(orders.create({ note: 'first' }));
    await expect(orders.insert(orders.create({ id: order.id, note: 'second' }))).rejects.toThrow(
      EntityExistsError,
    );
    expect(await orders.findOne(order.id)).toMatchObject({ note: 'first', version: order.version });
  });

  it('generates an id if configured, and rejects a missing one', async () => {
    expect((await orders.insert(new Order())).id).toMatch(/^[\da-f]{8}-[\da-f]{4}-7/);
    await expect(items.insert(items.create({ orderId: freshId() }))).rejects.toThrow('OrderItem.id');
  });

  it('rejects values of the wrong type, with class and property but not the value', async () => {
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
  it('inserts a new entity and updates a loaded one, writing only changes', async () => {
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

  it('sends nothing if nothing has changed', async () => {
    const order = await orders.save(full());
    const found = await orders.findOneOrFail(order.id);
    client.calls.length = 0;
    await orders.save(found);
    await orders.save(order);
    expect(client.calls).toEqual([]);
  });

  it('detects changes inside values', async () => {
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

  it('removes null and undefined values, and returns undefined for absent ones', async () => {
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

  it('rejects a changed key', async () => {
    const order = await orders.save(orders.create());
    order.id = freshId();
    await expect(orders.save(order)).rejects.toThrow(PartitionKeyChangedError);
    await expect(orders.remove(order)).rejects.toThrow(PartitionKeyChangedError);
  });

  it('accepts a version from elsewhere', async () => {
    const order = await orders.save(orders.create());
    const stale = order.version;
    await orders.update(order.id, { note: 'x' });
    const found = await orders.findOneOrFail(order.id);
    found.version = stale; // what a form was made of
    await expect(orders.save(found)).rejects.toMatchObject({ expected: stale, actual: stale + 1 });
  });

  it('does not restore a deleted row, or mistake a recreated one for the old one', async () => {
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
  it('changes named properties, removes null ones, and ignores undefined ones', async () => {
    const order = await orders.save(full());
    const { version } = await orders.update(order.id, { status: 'new', note: null, paid: undefined });
    expect(version).toBe(order.version + 1);
    expect(await orders.findOne(order.id)).toEqual({ ...order, status: 'new', note: undefined, version });
  });

  it('checks the version if given, and only that if there is no change', async () => {
    const { id, version } = await orders.save(full());
    await expect(orders.update(id, { note: 'x' }, { ifVersion: version + 1 })).rejects.toThrow(
      VersionConflictError,
    );
    await expect(orders.update(id, {}, { ifVersion: version + 1 })).rejects.toThrow(VersionConflictError);
    expect(await orders.update(id, {}, { ifVersion: version })).toEqual({ version });
    expect(await orders.update(id, { note: 'x' }, { ifVersion: version })).toEqual({ version: version + 1 });
  });

  it('creates no row', async () => {
    const id = freshId();
    await expect(orders.update(id, { note: 'x' })).rejects.toThrow(EntityNotFoundError);
    await expect(orders.update(id, {})).rejects.toThrow(EntityNotFoundError);
    expect(await orders.exists(id)).toBe(false);
  });

  it('rejects unknown properties, and properties that cannot be patched', async () => {
    const { id } = await orders.save(orders.create());
    for (const name of ['id', 'version', 'views', 'nothing', '~v', 'constructor', '__proto__'])
      await expect(orders.update(id, Object.fromEntries([[name, 1]]))).rejects.toThrow(InvalidArgumentError);
  });
});

it('upsert replaces the whole row, and leaves counters unchanged', async () => {
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
  it('remove rows that have not changed since', async () => {
    const order = await orders.save(orders.create());
    const { version } = await orders.update(order.id, { note: 'x' });
    await expect(orders.remove(order)).rejects.toMatchObject({ expected: order.version, actual: version });
    const found = await orders.findOneOrFail(order.id);
    await orders.remove(found);
    expect(await orders.exists(order.id)).toBe(false);
    await orders.save(found); // it is new again
    expect(await orders.exists(order.id)).toBe(true);
  });

  it('require a loaded entity, or a key', async () => {
    await expect(orders.remove(orders.create())).rejects.toThrow('use delete(key)');
    const { id } = await orders.save(orders.create());
    expect(await orders.delete(id)).toEqual({ deleted: true });
    expect(await orders.delete(id)).toEqual({ deleted: false });
  });
});

describe('increment', () => {
  it('adds, without conflicts with saves, which do not overwrite it', async () => {
    const order = await orders.save(orders.create());
    const steps = await Promise.all(Array.from({ length: 50 }, () => orders.increment(order.id, 'views')));
    expect(new Set(steps).size).toBe(50);
    order.note = 'x';
    await orders.save(order);
    expect(await orders.increment(order.id, 'views', -8)).toBe(42);
    expect((await orders.findOneOrFail(order.id)).views).toBe(42);
  });

  it('is exact beyond the range of a number, within 18 digits', async () => {
    const key = { orderId: freshId(), id: 1 };
    await items.insert(items.create(key));
    expect(await items.increment(key, 'reserved', 10n ** 17n + 1n)).toBe(10n ** 17n + 1n);
    expect((await items.findOneOrFail(key)).reserved).toBe(10n ** 17n + 1n);
    await expect(items.increment(key, 'reserved', 10n ** 18n)).rejects.toThrow('18 digits');
    for (const by of [0.5, NaN, 2 ** 60])
      await expect(items.increment(key, 'reserved', by)).rejects.toThrow(InvalidArgumentError);
  });

  it('creates no row, and accepts only counters', async () => {
    await expect(orders.increment(freshId(), 'views')).rejects.toThrow(EntityNotFoundError);
    const { id } = await orders.save(orders.create());
    await expect(orders.increment(id, 'version' as 'views')).rejects.toThrow(
      "Order has no counter 'version'; known are views",
    );
  });

  it('rejects a counter that another program stored as something else', async () => {
    const { id } = await orders.save(orders.create());
    await cluster.client.hset(orders.keyOf(id), 'views', 'many');
    await expect(orders.increment(id, 'views')).rejects.toThrow(SchemaMismatchError);
    await expect(orders.findOne(id)).rejects.toThrow('Order.views');
  });
});

describe('creation and update times', () => {
  it('are those of the first and the last write, in the index too', async () => {
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

  it('stay unchanged if nothing is written', async () => {
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
