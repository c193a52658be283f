import {
  AfterInsert,
  BeforeUpdate,
  ClusterEntity,
  type ClusterRepository,
  createRepositories,
  ExpiresAt,
  PartitionKey,
  PrimaryKey,
  Property,
  Unique,
  VersionConflictError,
} from 'keyslot';
import { Order, freshId, sharedClient } from '../fixtures.js';

@ClusterEntity({ name: 'Place', partition: () => Order })
class Place {
  @PartitionKey() orderId!: string;
  @PrimaryKey() id!: string;
  @Unique() @Property() seat?: string;
  @Property() note?: string;
  @ExpiresAt() expiresAt?: Date;
}

let signups: ClusterRepository<Signup>;

/** One that is saved again by its own hooks. */
@ClusterEntity({ name: 'Signup' })
class Signup {
  @PrimaryKey() id!: string;
  @Property() name?: string;
  @Property() greeted?: boolean;

  @AfterInsert() async greet(): Promise<void> {
    this.greeted = true;
    await signups.save(this);
  }

  @BeforeUpdate() async check(): Promise<void> {
    if (this.name !== 'renamed') return;
    this.name = 'checked';
    await signups.save(this);
  }
}

const cluster = sharedClient();
let orders: ClusterRepository<Order>;
let places: ClusterRepository<Place>;
beforeAll(() => {
  const registry = createRepositories(cluster.client, [Order, Place, Signup]);
  orders = registry.repository(Order);
  places = registry.repository(Place);
  signups = registry.repository(Signup);
});

describe('concurrent writes of one object', () => {
  it('run one after another, without conflicts', async () => {
    const order = await orders.insert(orders.create());
    const saves = Array.from({ length: 5 }, (_, i) => {
      order.note = `${i}`;
      return orders.save(order);
    });
    await Promise.all(saves);
    expect(await orders.findOne(order.id)).toMatchObject({ note: '4', version: order.version });
    order.note = 'last';
    await Promise.all([orders.save(order), orders.remove(order)]);
    expect(await orders.exists(order.id)).toBe(false);
  });

  it('include an insert and a save of a new object, and lists of them', async () => {
    const order = orders.create({ note: 'new' });
    const inserting = orders.insert(order);
    order.note = 'changed';
    const listed = orders.saveMany([order]);
    order.note = 'changed again';
    const [, [first], [second]] = await Promise.all([inserting, listed, orders.saveMany([order])]);
    expect([first.ok, second.ok]).toEqual([true, true]);
    expect(await orders.findOne(order.id)).toMatchObject({ note: 'changed again' });
  });

  it('do not fail because an earlier one failed', async () => {
    const order = await orders.insert(orders.create());
    await orders.update(order.id, { note: 'theirs' });
    order.note = 'ours';
    const saves = await Promise.allSettled([orders.save(order), orders.save(order), orders.upsert(order)]);
    expect(saves.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled']);
    expect(saves[0]).toMatchObject({ reason: expect.any(VersionConflictError) });
    expect(await orders.findOne(order.id)).toMatchObject({ note: 'ours' });
  });

  it('allow hooks to save the object that they belong to', async () => {
    const signup = await signups.insert(signups.create({ id: freshId(), name: 'A' }));
    expect(await signups.findOne(signup.id)).toMatchObject({ name: 'A', greeted: true });
    signup.name = 'renamed';
    const [saved] = await signups.saveMany([signup]);
    expect(saved.ok).toBe(true);
    expect(await signups.findOne(signup.id)).toMatchObject({ name: 'checked' });
  });
});

it('of two objects of one row run in order, even if an expired row has a unique value', async () => {
  const orderId = freshId();
  const past = new Date(Date.now() - 60_000);
  await places.insert(places.create({ orderId, id: 'gone', seat: 'A1', expiresAt: past }));
  const first = places.create({ orderId, id: 'b', seat: 'A1', note: 'first' });
  const second = places.create({ orderId, id: 'b', note: 'second' });
  const results = await places.saveMany([first, second]);
  expect(results).toEqual([
    { ok: true, value: first },
    { ok: false, error: expect.objectContaining({ code: 'ENTITY_EXISTS' }) },
  ]);
  expect(await places.findOne({ orderId, id: 'b' })).toMatchObject({ note: 'first', seat: 'A1' });
});
