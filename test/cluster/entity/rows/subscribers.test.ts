import {
  AfterLoad,
  BeforeInsert,
  ClusterEntity,
  type ClusterRepository,
  createRepositories,
  type EntityRegistry,
  type EntitySubscriberMethods,
  Index,
  InvalidArgumentError,
  PartitionKey,
  PrimaryKey,
  Property,
} from 'keyslot';
import { lastValueFrom, toArray } from 'rxjs';
import { freshId, sharedClient } from '../fixtures.js';

abstract class Stamped {
  @Property() stampedBy?: string;
}

@ClusterEntity({ name: 'SubscribedShop' })
class Shop extends Stamped {
  @PrimaryKey() id!: string;
}

@ClusterEntity({ name: 'SubscribedOrder', partition: () => Shop })
class Order extends Stamped {
  @PartitionKey() shopId!: string;
  @PrimaryKey() id!: string;
  @Index() @Property() status: string = 'open';
  steps: string[] = [];

  @BeforeInsert() ownBefore(): void {
    this.steps.push('own hook');
  }
  @AfterLoad() ownLoad(): void {
    this.steps.push('own hook');
  }
}

const cluster = sharedClient();
const shopId = freshId();
let registry: EntityRegistry;
let orders: ClusterRepository<Order>;
beforeEach(() => {
  registry = createRepositories(cluster.client, [Shop, Order]);
  orders = registry.repository(Order);
});

const order = (id = freshId(), status = 'open'): Order => orders.create({ shopId, id, status });

/** Notes each event of every method. */
class Log implements EntitySubscriberMethods<Order> {
  readonly lines: string[] = [];
  beforeInsert = this.noting('before insert');
  afterInsert = this.noting('after insert');
  beforeUpdate = this.noting('before update');
  afterUpdate = this.noting('after update');
  beforeRemove = this.noting('before remove');
  afterRemove = this.noting('after remove');
  afterLoad = this.noting('after load');

  take(): string[] {
    return this.lines.splice(0);
  }

  private noting(event: string): (given: Order) => Promise<void> {
    return async ({ id }) => {
      await Promise.resolve();
      this.lines.push(`${event} ${id}`);
    };
  }
}

describe('a subscriber', () => {
  it('is called around every write of an entity, and after every read', async () => {
    const log = new Log();
    registry.subscribe(Order, log);
    const one = await orders.insert(order('1'));
    expect(log.take()).toEqual(['before insert 1', 'after insert 1']);
    await orders.save(one); // without a change
    expect(log.take()).toEqual([]);
    await orders.save(Object.assign(one, { status: 'paid' }));
    await orders.upsert(one);
    expect(log.take()).toEqual(Array(2).fill(['before update 1', 'after update 1']).flat());
    await orders.saveMany([Object.assign(one, { status: 'sent' })]);
    expect(log.take()).toEqual(['before update 1', 'after update 1']);
    await orders.findOne({ shopId, id: '1' });
    await orders.findMany([{ shopId, id: '1' }]);
    await orders.findBy({ shopId, status: 'sent' });
    await orders.findPage({ shopId, status: 'sent' });
    await lastValueFrom(orders.observe({ shopId, status: 'sent' }).pipe(toArray()));
    await orders.partition(shopId).loadAll([Order]);
    expect(log.take()).toEqual(Array(6).fill('after load 1'));
    await orders.transaction(shopId, async (tx) => {
      const read = (await tx.get(Order, { shopId, id: '1' }))!;
      tx.save(Object.assign(read, { status: 'back' }));
      tx.insert(order('2'));
      expect(log.take()).toEqual(['after load 1']);
    });
    expect(log.take().toSorted()).toEqual(
      ['after insert 2', 'after update 1', 'before insert 2', 'before update 1'].toSorted(),
    );
    const loaded = await orders.findOneOrFail({ shopId, id: '1' });
    log.take();
    await orders.remove(loaded);
    expect(log.take()).toEqual(['before remove 1', 'after remove 1']);
    await orders.delete({ shopId, id: '2' });
    expect(log.take()).toEqual([]);
  });

  it('is called by writes under a lock', async () => {
    const log = new Log();
    registry.subscribe(Order, log);
    await orders.withLock(shopId, async (lock) => {
      await lock.repository(Order).insert(order('locked'));
    });
    expect(log.take()).toEqual(['before insert locked', 'after insert locked']);
  });

  it('runs after the hooks of the class, each awaited before the next, in the order they were added', async () => {
    const noting = (name: string): EntitySubscriberMethods<Order> => ({
      beforeInsert: async (given) => {
        await Promise.resolve();
        given.steps.push(name);
      },
      afterLoad: (given) => given.steps.push(name),
    });
    registry.subscribe(Order, noting('first'));
    registry.subscribe(Order, noting('second'));
    const { id, steps } = await orders.insert(order());
    expect(steps).toEqual(['own hook', 'first', 'second']);
    expect((await orders.findOneOrFail({ shopId, id })).steps).toEqual(['own hook', 'first', 'second']);
  });

  it('changes what is written, and stops a write by an error before it', async () => {
    registry.subscribe(Order, {
      beforeInsert(given) {
        if (given.status === 'bad') throw new Error('a bad status');
        given.stampedBy = 'subscriber';
      },
    });
    const { id } = await orders.insert(order());
    expect((await orders.findOneOrFail({ shopId, id })).stampedBy).toBe('subscriber');
    const bad = order(freshId(), 'bad');
    await expect(orders.insert(bad)).rejects.toThrow('a bad status');
    expect(await orders.saveMany([bad, order()])).toMatchObject([
      { ok: false, error: { message: 'a bad status' } },
      { ok: true },
    ]);
    const transaction = orders.transaction(shopId, async (tx) => tx.save(bad));
    await expect(transaction).rejects.toThrow('a bad status');
    expect(await orders.exists({ shopId, id: bad.id })).toBe(false);
  });

  it('leaves the write in place if it fails after it', async () => {
    registry.subscribe(Order, {
      afterInsert: () => Promise.reject(new Error('the mailer is down')),
    });
    const late = order();
    await expect(orders.insert(late)).rejects.toThrow('the mailer is down');
    expect(await orders.exists({ shopId, id: late.id })).toBe(true);
  });

  it('ends when its function is called', async () => {
    const log = new Log();
    const end = registry.subscribe(Order, log);
    end();
    end();
    await orders.insert(order());
    expect(log.take()).toEqual([]);
  });

  it('of a parent class sees the entities of all classes that extend it, also of those registered later', async () => {
    const later = createRepositories(cluster.client, [Order]);
    const seen: Stamped[] = [];
    const audit: EntitySubscriberMethods<Stamped> = { beforeInsert: (given) => seen.push(given) };
    later.subscribe(Stamped, audit);
    later.subscribe(Order, audit); // sees an order in two ways, and is called once
    const shop = await later
      .register([Shop])
      .repository(Shop)
      .insert(Object.assign(new Shop(), { id: freshId() }));
    const placed = await later.repository(Order).insert(order());
    expect(seen).toEqual([shop, placed]);
  });
});

describe('subscribe() refuses', () => {
  it.each([
    ['a class', Log, /must be an object, got .*Pass an object of the class/],
    ['null', null, /must be an object, got null/],
    ['an object without a method', {}, /it has no method that an event calls/],
    ['a misspelled method', { beforeinsert() {} }, /has beforeinsert.*did you mean beforeInsert/],
    [
      'a method of no event',
      { afterInsert() {}, afterCommit() {} },
      /has afterCommit, which is named like an event/,
    ],
    ['a property that is not a method', { afterInsert: 5 }, /has .* as afterInsert, which must be a method/],
  ])('%s', (_what, subscriber, message) => {
    const subscribe = (): unknown => registry.subscribe(Order, subscriber as never);
    expect(subscribe).toThrow(InvalidArgumentError);
    expect(subscribe).toThrow(message);
  });

  it('what is not a class', () => {
    expect(() => registry.subscribe((() => Order) as never, {})).toThrow(/write Order, not \(\) => Order/);
    expect(() => registry.subscribe(undefined as never, new Log() as never)).toThrow(
      /needs an entity class, got undefined/,
    );
  });
});
