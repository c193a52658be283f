import { setTimeout as delay } from 'node:timers/promises';
import { type Observable, firstValueFrom, take, toArray } from 'rxjs';
import {
  ChangesLostError,
  ClusterEntity,
  type ClusterRepository,
  Counter,
  createRepositories,
  type EntityChange,
  type EntityRegistry,
  ExpiresAt,
  Index,
  keySlot,
  PartitionKey,
  PrimaryKey,
  Property,
  Shape,
} from 'keyslot';
import { outboxKey } from '../../../../lib/entity/keys/outbox-key.js';
import { eventually } from '../../../cluster-fixture.js';
import { counted, freshId, losingReplies, sharedClient } from '../fixtures.js';

@ClusterEntity({ name: 'Cart', changes: { maxLength: 200 }, idempotency: 'window' })
class Cart {
  declare readonly [Shape]: { key: 'id'; counters: 'visits' };
  @PrimaryKey({ generate: 'ulid' }) id!: string;
  @Property() owner?: string;
  @Property() note?: string;
  @Counter() visits!: number;
}

@ClusterEntity({ name: 'Line', partition: () => Cart, changes: true })
class Line {
  declare readonly [Shape]: { key: 'cartId' | 'id'; indexed: 'sku' };
  @PartitionKey() cartId!: string;
  @PrimaryKey() id!: number;
  @Index() @Property() sku!: string;
  @ExpiresAt() expiresAt?: Date;
}

@ClusterEntity({ name: 'Silent' })
class Silent {
  @PrimaryKey() id!: string;
}

const cluster = sharedClient();
const TYPES = [Cart, Line, Silent];
let registry: EntityRegistry;
let carts: ClusterRepository<Cart>;
let lines: ClusterRepository<Line>;
beforeAll(() => {
  registry = createRepositories(cluster.client, TYPES);
  carts = registry.repository(Cart);
  lines = registry.repository(Line);
});

const next = <T>(changes: Observable<T>, count: number): Promise<T[]> =>
  firstValueFrom(changes.pipe(take(count), toArray()));

describe('changes of a partition', () => {
  it('report every kind of write, in commit order', async () => {
    const id = freshId();
    const cart = await carts.insert(carts.create({ id, owner: 'ada' }));
    cart.owner = 'bob';
    await carts.save(cart);
    await carts.update(id, { note: 'x', owner: null });
    await carts.upsert(carts.create({ id }));
    await carts.increment(id, 'visits', 2);
    const updated = await carts.findOneOrFail(id);
    await carts.delete(id);
    await carts.delete(id); // which is not there
    const changes = await next(carts.changes(id, { from: 'start' }), 6);
    expect(changes.map(({ type }) => type)).toEqual([
      'insert',
      'update',
      'update',
      'update',
      'update',
      'delete',
    ]);
    expect(changes[0]).toMatchObject({ entity: 'Cart', key: id });
    expect(changes[1]).toMatchObject({ changed: ['owner'] });
    expect(changes[2]).toMatchObject({ changed: ['note', 'owner'] });
    expect(changes[4]).toMatchObject({ changed: ['visits'] });
    expect(updated).toMatchObject({ visits: 2 });
    const versions = changes.flatMap((change) => (change.type === 'event' ? [] : [change.version]));
    expect(versions.toSorted((a, b) => a - b)).toEqual(versions);
  });

  it('report only commits that succeeded, and once if a reply was lost', async () => {
    const id = freshId();
    const losing = createRepositories(losingReplies(cluster.client), TYPES).repository(Cart);
    const cart = await losing.insert(losing.create({ id, owner: 'ada' }));
    await expect(carts.insert(carts.create({ id }))).rejects.toThrow();
    cart.owner = 'bob';
    await losing.save(cart);
    await losing.increment(id, 'visits');
    await losing.delete(id);
    const changes = await next(carts.changes(id, { from: 'start' }), 4);
    expect(changes.map(({ type }) => type)).toEqual(['insert', 'update', 'update', 'delete']);
  });

  it('include those of transactions, with events, and of their class only', async () => {
    const id = freshId();
    await carts.transaction(id, async (tx) => {
      tx.insert(carts.create({ id, owner: 'ada' }));
      tx.insert(lines.create({ cartId: id, id: 1, sku: 'pen' }));
      tx.emit('opened', { by: 'ada' });
      return Promise.resolve();
    });
    await carts.transaction(id, async (tx) => Promise.resolve(tx.emit('closed')));
    const changes = await next(lines.changes(id, { from: 'start' }), 3);
    expect(changes).toMatchObject([
      { type: 'insert', entity: 'Line', key: { cartId: id, id: 1 } },
      { type: 'event', entity: 'Cart', key: id, event: 'opened', payload: { by: 'ada' } },
      { type: 'event', event: 'closed' },
    ]);
    expect(await lines.findOne({ cartId: id, id: 1 })).toMatchObject({ sku: 'pen' });
  });

  it('report an expired row when it is swept, and when it is recreated', async () => {
    const cartId = freshId();
    await lines.insert(lines.create({ cartId, id: 1, sku: 'a' }));
    await lines.insert(lines.create({ cartId, id: 2, sku: 'b' }));
    await lines.expire({ cartId, id: 1 }, -1);
    await lines.expire({ cartId, id: 2 }, -1);
    await lines.insert(lines.create({ cartId, id: 2, sku: 'c' }));
    await lines.sweepExpired({ partition: cartId });
    const changes = await next(lines.changes(cartId, { from: 'start' }), 7);
    expect(changes.map((change) => [change.type, change.type === 'event' ? 0 : change.key.id])).toEqual([
      ['insert', 1],
      ['insert', 2],
      ['update', 1],
      ['update', 2],
      ['expire', 2],
      ['insert', 2],
      ['expire', 1],
    ]);
    expect(changes[2]).toMatchObject({ changed: ['expiresAt'] });
  });

  it('continue after a cursor', async () => {
    const id = freshId();
    await carts.insert(carts.create({ id }));
    for (let i = 0; i < 4; i++) await carts.update(id, { note: String(i) });
    const [, second] = await next(carts.changes(id, { from: 'start' }), 2);
    const rest = await next(carts.changes(id, { from: second.cursor }), 3);
    expect(rest.map(({ type }) => type)).toEqual(['update', 'update', 'update']);
    const behindAll: EntityChange<Cart>[] = [];
    const { cursor } = rest[2];
    const following = carts.changes(id, { from: cursor, pollMs: 20 }).subscribe((one) => behindAll.push(one));
    await carts.delete(id);
    await eventually(() => behindAll.length > 0);
    following.unsubscribe();
    expect(behindAll.map(({ type }) => type)).toEqual(['delete']);
  });

  it('start now without a cursor, and arrive as they are committed', async () => {
    const id = freshId();
    await carts.insert(carts.create({ id }));
    const seen: EntityChange<Cart>[] = [];
    const cursor = await carts.changesCursor(id);
    const following = carts.changes(id, { from: cursor, pollMs: 600_000 }).subscribe((one) => seen.push(one));
    await carts.update(id, { note: 'first' });
    await eventually(() => seen.length === 1);
    await carts.update(id, { note: 'second' }); // told by its writer: nobody looks for ten minutes
    await eventually(() => seen.length === 2);
    following.unsubscribe();
    await carts.update(id, { note: 'third' });
    const later: EntityChange<Cart>[] = [];
    const fromNow = carts.changes(id, { pollMs: 20 }).subscribe((one) => later.push(one));
    await eventually(async () => {
      await carts.update(id, { note: freshId() });
      return later.length > 0;
    });
    expect(later[0].type).toBe('update');
    expect(seen).toHaveLength(2);
    fromNow.unsubscribe();
  });

  it('that were trimmed fail with an error that contains the cursor to continue from', async () => {
    const id = freshId();
    await carts.insert(carts.create({ id }));
    const [first] = await next(carts.changes(id, { from: 'start' }), 1);
    for (let i = 0; i < 500; i++) await carts.update(id, { note: String(i) });
    const lost = await next(carts.changes(id, { from: first.cursor }), 1).catch((error: unknown) => error);
    expect(lost).toBeInstanceOf(ChangesLostError);
    expect(lost).toMatchObject({ code: 'CHANGES_LOST' });
    const { resumeFrom } = lost as ChangesLostError;
    const kept = await next(carts.changes(id, { from: resumeFrom }), 200);
    expect(kept).toHaveLength(200);
    // Those that are gone with the whole outbox, by a failover or by hand, are missed as well.
    const cursor = await carts.changesCursor(id);
    await cluster.client.del(outboxKey('Cart', keySlot(carts.partition(id).tag)));
    await expect(next(carts.changes(id, { from: cursor }), 1)).rejects.toThrow(ChangesLostError);
  });

  it('are rejected if they are not recorded, and for an invalid cursor', async () => {
    const id = freshId();
    expect(() => registry.repository(Silent).changes()).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', argument: 'changes' }),
    );
    for (const from of ['', 'x', '99999:0-0', '*1:0', '1:1-1'])
      expect(() => carts.changes(id, { from })).toThrow(expect.objectContaining({ argument: 'from' }));
    expect(() => carts.changes(id, { pollMs: 0 })).toThrow(expect.objectContaining({ argument: 'pollMs' }));
    await expect(
      registry.repository(Silent).transaction('1', async (tx) => Promise.resolve(tx.emit('x'))),
    ).rejects.toThrow(expect.objectContaining({ argument: 'tx.emit' }));
    await expect(
      carts.transaction(id, async (tx) => Promise.resolve(tx.emit('x', { n: 1n }))),
    ).rejects.toThrow(expect.objectContaining({ argument: 'payload' }));
  });
});

describe('changes of all partitions', () => {
  it('are emitted as they are committed, and continue after a cursor', async () => {
    const ids = Array.from({ length: 30 }, freshId);
    const seen: EntityChange<Cart>[] = [];
    const from = await carts.changesCursor();
    const following = carts.changes(undefined, { from, pollMs: 600_000 }).subscribe((one) => seen.push(one));
    for (const id of ids.slice(0, 10)) await carts.insert(carts.create({ id }));
    await eventually(() => seen.length === 10);
    await carts.insert(carts.create({ id: ids[10] })); // told by its writer: nobody looks for ten minutes
    await eventually(() => seen.length === 11);
    following.unsubscribe();
    for (const id of ids.slice(11)) await carts.insert(carts.create({ id }));
    const rest = await next(carts.changes(undefined, { from: seen[10].cursor }), 19);
    expect([...seen, ...rest].map(({ key }) => String(key)).toSorted()).toEqual(ids.toSorted());
  });
});

it('serve many followers, and read nothing once all are gone', async () => {
  const client = counted(cluster.client);
  const following = createRepositories(client, TYPES).repository(Cart);
  const subscriptions = Array.from({ length: 1_000 }, (_, i) =>
    following.changes(`many-${i % 300}`, { pollMs: 50 }).subscribe(),
  );
  await eventually(() => client.calls.length >= 900);
  for (const subscription of subscriptions) subscription.unsubscribe();
  await eventually(async () => {
    const before = client.calls.length;
    await delay(150); // three times the interval: somebody who goes on would have read
    return client.calls.length === before;
  });
});
