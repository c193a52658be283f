import { createRequire } from 'node:module';
import { inspect } from 'node:util';
import { transformSync } from '@swc/core';
import * as keyslot from 'keyslot';
import {
  ClusterEntity,
  type ClusterRepository,
  createRepositories,
  type EntityClass,
  keySlot,
  PrimaryKey,
  Property,
  ReplyError,
  SchemaMismatchError,
} from 'keyslot';
import { Order, OrderItem, freshId, sharedClient } from '../fixtures.js';

const cluster = sharedClient();
let orders: ClusterRepository<Order>;
let items: ClusterRepository<OrderItem>;
beforeAll(() => {
  const registry = createRepositories(cluster.client, [Order, OrderItem]);
  orders = registry.repository(Order);
  items = registry.repository(OrderItem);
});

describe('ids of any characters', () => {
  const hostile = [
    '}{',
    '{}',
    '{x}:Order:{y}',
    ':',
    '%7D',
    '%',
    '~ix',
    '\r\n',
    '\0',
    ' ',
    '😀',
    'a'.repeat(512),
    '__proto__',
    '..',
  ];

  it('name separate rows, in the slot of their partition', async () => {
    const suffix = freshId();
    for (const id of hostile) {
      const orderId = id.length < 400 ? id + suffix : id;
      await orders.upsert(orders.create({ id: orderId, note: id }));
      await items.upsert(items.create({ orderId, id: 1 }));
      await orders.transaction(orderId, async (tx) => {
        expect(await tx.get(Order, orderId)).toMatchObject({ id: orderId, note: id });
        tx.save(Object.assign((await tx.get(OrderItem, { orderId, id: 1 }))!, { quantity: 2 }));
      });
      expect(keySlot(orders.keyOf(orderId))).toBe(keySlot(items.keyOf({ orderId, id: 1 })));
    }
    const ids = hostile.map((id) => (id.length < 400 ? id + suffix : id));
    expect((await orders.findMany(ids)).map((order) => order?.note)).toEqual(hostile);
  });
});

describe('a row that another program wrote', () => {
  const written = async (fields: Record<string, string | Buffer>): Promise<string> => {
    const id = freshId();
    await cluster.client.hset(orders.keyOf(id), fields);
    return id;
  };

  it('is read without missing properties, and without unknown ones', async () => {
    const id = await written({
      note: 'theirs',
      surplus: 'x',
      __proto__x: 'y',
      constructor: 'z',
      toString: 'w',
    });
    await cluster.client.hset(orders.keyOf(id), '__proto__', '{"polluted":true}');
    const order = await orders.findOneOrFail(id);
    expect(order).toBeInstanceOf(Order);
    expect(order).toEqual(
      Object.assign(new Order(), { id, note: 'theirs', status: 'new', version: 0, views: 0 }),
    );
    expect(Object.keys(order)).not.toContain('surplus');
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it('exists, and is saved as it was found', async () => {
    const id = await written({ note: 'theirs', surplus: 'x' });
    await expect(orders.insert(orders.create({ id }))).rejects.toThrow('already');
    const order = await orders.findOneOrFail(id);
    const stale = await orders.findOneOrFail(id);
    await orders.save(Object.assign(order, { note: 'ours' }));
    expect(order.version).toBeGreaterThan(1e15);
    await expect(orders.save(Object.assign(stale, { note: 'lost' }))).rejects.toThrow('version');
    expect(await cluster.client.hgetall(orders.keyOf(id))).toMatchObject({ note: 'ours', surplus: 'x' });
  });

  it('keeps its TTL when its only field is removed', async () => {
    const id = await written({ note: 'theirs' });
    await cluster.client.pexpire(orders.keyOf(id), 100_000);
    await orders.update(id, { note: null });
    expect(await cluster.client.pttl(orders.keyOf(id))).toBeGreaterThan(0);
  });

  it.each([
    ['status', 'unheard of'],
    ['cents', '1.5'],
    ['due', 'yesterday'],
    ['paid', 'yes'],
    ['note', Buffer.from([0xc3, 0x28])],
    ['tags', '{"secret"'],
    ['shipTo', '[]'],
    ['~v', 'secret'],
    ['~v', '-1'],
    ['views', '1e3'],
    ['views', '9007199254740993'],
  ])('is rejected if %s has an invalid value, without the value in the error', async (field, value) => {
    const id = await written({ '~v': '1', [field]: value });
    const error: unknown = await orders.findOne(id).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(SchemaMismatchError);
    expect(error).toMatchObject({ entity: 'Order', property: field });
    expect(inspect(error)).not.toMatch(/secret|unheard|yesterday|'yes'|1e3/);
    await expect(orders.findMany([id])).rejects.toThrow(SchemaMismatchError);
  });

  it('is not written if its version is invalid', async () => {
    const id = await written({ '~v': 'x', note: 'theirs' });
    await expect(orders.update(id, { note: 'ours' })).rejects.toThrow(SchemaMismatchError);
    const two = orders.transaction(id, (tx) => {
      tx.insert(items.create({ orderId: id, id: 1 }));
      tx.increment(Order, id, 'views');
      return Promise.resolve();
    });
    await expect(two).rejects.toThrow(SchemaMismatchError);
    expect(await items.exists({ orderId: id, id: 1 })).toBe(false);
    expect(await cluster.client.hgetall(orders.keyOf(id))).toEqual({ '~v': 'x', note: 'theirs' });
  });

  it('causes a server error if it is not a hash', async () => {
    const id = freshId();
    await cluster.client.set(orders.keyOf(id), 'text');
    await expect(orders.findOne(id)).rejects.toThrow(ReplyError);
    await expect(orders.upsert(orders.create({ id }))).rejects.toMatchObject({
      message: expect.stringContaining('WRONGTYPE'),
    });
    const two = orders.transaction(id, (tx) => {
      tx.insert(items.create({ orderId: id, id: 1 }));
      tx.insert(orders.create({ id }));
      return Promise.resolve();
    });
    await expect(two).rejects.toThrow(ReplyError);
    expect(await items.exists({ orderId: id, id: 1 })).toBe(false); // validated first, written last
  });
});

it('can have 10 MB in one property', async () => {
  const seal = Buffer.alloc(10 * 1024 * 1024, 'key slot');
  const order = await orders.insert(orders.create({ seal }));
  const found = await orders.findOneOrFail(order.id);
  expect(found.seal?.equals(seal)).toBe(true);
  found.seal![seal.length - 1] = 0;
  await orders.save(found);
  expect((await orders.findOneOrFail(order.id)).seal?.at(-1)).toBe(0);
  await orders.delete(order.id);
});

it('preserves tens of thousands of fields, which Lua processes in parts', async () => {
  class Wide {
    id!: string;
    [name: string]: string | undefined;
  }
  ClusterEntity({ name: 'Wide' })(Wide);
  PrimaryKey({ type: String })(Wide.prototype, 'id');
  const names = Array.from({ length: 9_000 }, (_, i) => `p${i}`);
  for (const name of names) Property(String)(Wide.prototype, name);
  const wide = createRepositories(cluster.client, [Wide]).repository(Wide);
  const all = Object.fromEntries(names.map((name) => [name, name]));
  const entity = await wide.insert(wide.create({ id: freshId(), ...all }));
  expect(await wide.findOne(entity.id)).toMatchObject(all);
  for (const name of names.slice(1)) entity[name] = undefined;
  await wide.save(entity);
  expect(await cluster.client.hlen(wide.keyOf(entity.id))).toBe(3);
});

describe.each([true, false])(
  'a class compiled with useDefineForClassFields %p',
  (useDefineForClassFields) => {
    const source = `
    import { ClusterEntity, Counter, PrimaryKey, Property, Version } from 'keyslot';
    @ClusterEntity({ name: 'Compiled' })
    export class Compiled {
      @PrimaryKey({ generate: 'ulid' }) id!: string;
      @Property() state: string = 'new';
      @Property() nick?: string;
      @Property() at: Date = new Date(0);
      @Counter() views!: number;
      @Version() version!: number;
      transient = [];
    }`;
    interface Compiled {
      id: string;
      state: string;
      nick?: string;
      at: Date;
      transient: unknown[];
    }
    const { code } = transformSync(source, {
      jsc: {
        target: 'es2022',
        parser: { syntax: 'typescript', decorators: true },
        transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields },
        externalHelpers: false,
      },
      module: { type: 'commonjs' },
    });
    const exported = {} as { Compiled: EntityClass<Compiled> };
    const require = createRequire(import.meta.url);
    // oxlint-disable-next-line typescript/no-implied-eval
    new Function('exports', 'require', code)(exported, (name: string) =>
      name === 'keyslot' ? keyslot : (require(name) as unknown),
    );
    const type = exported.Compiled;

    it('has its defaults when it is new, and its stored values when it is loaded', async () => {
      expect(Object.hasOwn(new type(), 'nick')).toBe(useDefineForClassFields);
      const compiled = createRepositories(cluster.client, [type]).repository(type);
      const entity = await compiled.save(compiled.create());
      expect(entity.state).toBe('new');
      expect(entity.transient).toEqual([]);
      const { id } = entity;
      expect(await compiled.findOne({ id })).toEqual(entity);
      await compiled.update({ id }, { state: null as never }); // which is not optional
      const found = (await compiled.findOne({ id }))!;
      expect(found.state).toBeUndefined();
      expect(found.transient).toEqual([]);
      found.at.setTime(5);
      found.nick = 'N';
      await compiled.save(found);
      expect(await compiled.findOne({ id })).toMatchObject({ at: new Date(5), nick: 'N', state: undefined });
    });
  },
);
