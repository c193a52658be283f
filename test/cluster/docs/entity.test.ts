import { readFileSync } from 'node:fs';
import { jest } from '@jest/globals';
import { Injectable, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  BeforeInsert,
  BeforeUpdate,
  ClusterClient,
  ClusterEntity,
  ClusterModule,
  ClusterRepository,
  ClusterRepositoryOf,
  Counter,
  CreatedAt,
  Embedded,
  EntitySubscriber,
  ExpiresAt,
  Index,
  InjectClusterRepository,
  PartitionKey,
  PrimaryKey,
  Property,
  SchemaError,
  Shape,
  Unique,
  Version,
  VersionConflictError,
  assertShape,
  createRepositories,
} from 'keyslot';
import { firstValueFrom, toArray } from 'rxjs';
import { sharedCluster } from '../../cluster-fixture.js';
import { snippetsOf } from '../../docs-snippets.js';

const { nodes, keyspace } = sharedCluster();

class Address {
  @Property() street!: string;
  @Property() city!: string;
}

@ClusterEntity({ name: 'Order' })
class Order {
  declare readonly [Shape]: { key: 'id'; counters: 'views' };

  @PrimaryKey({ generate: 'uuidv7' }) id!: string;
  @Property() customer!: string;
  @Property({ enum: ['open', 'paid'] }) status: 'open' | 'paid' = 'open';
  @Property() totalCents: bigint = 0n;
  @Property() note?: string;
  @Embedded(() => Address) shipTo?: Address;
  @Counter() views!: number;
  @Version() version!: number;
  @CreatedAt() createdAt!: Date;
}

@ClusterEntity({ name: 'OrderItem', partition: () => Order })
class OrderItem {
  declare readonly [Shape]: { key: 'orderId' | 'line'; indexed: 'sku' | 'state' | 'weight' };

  @PartitionKey() orderId!: string;
  @PrimaryKey() line!: number;
  @Unique() @Property() sku!: string;
  @Index() @Property() state!: string;
  @Index({ name: 'heaviest', fields: ['state', 'weight'] }) @Property() weight?: number;
}

@ClusterEntity({ name: 'Hold', partition: () => Order, ttl: '15m' })
class Hold {
  declare readonly [Shape]: { key: 'orderId' | 'id'; indexed: 'seat' };

  @PartitionKey() orderId!: string;
  @PrimaryKey({ generate: 'ulid' }) id!: string;
  @Unique() @Property() seat!: string;
  @ExpiresAt() expiresAt?: Date;
}

@ClusterEntity({ name: 'Account', idempotency: 'window' })
class Account {
  declare readonly [Shape]: { key: 'id'; counters: 'cents' };

  @PrimaryKey({ generate: 'ulid' }) id!: string;
  @Counter() cents!: number;
}

@ClusterEntity({ name: 'Article' })
class Article {
  @PrimaryKey({ generate: 'ulid' }) id!: string;
  @Property() title!: string;
  @Property() slug?: string;

  @BeforeInsert()
  @BeforeUpdate()
  makeSlug() {
    this.slug = this.title.toLowerCase().replaceAll(' ', '-');
  }
}

@Injectable()
class OrderService {
  constructor(@InjectClusterRepository(Order) readonly orders: ClusterRepository<Order>) {}
}

@Module({ imports: [ClusterModule.forFeature([Order, OrderItem])], providers: [OrderService] })
class OrderModule {}

@Injectable()
class PackingPolicy {
  readonly heavyGrams = 400;
}

@ClusterRepositoryOf(OrderItem)
class OrderItemRepository extends ClusterRepository<OrderItem> {
  constructor(private readonly policy: PackingPolicy) {
    super();
  }

  findHeavy(orderId: string): Promise<OrderItem[]> {
    return this.findBy({ orderId, state: 'packed', weight: { gte: this.policy.heavyGrams } });
  }
}

@Module({
  imports: [ClusterModule.forFeature([Order, OrderItem])],
  providers: [PackingPolicy, OrderItemRepository],
  exports: [OrderItemRepository],
})
class PackingModule {}

@Injectable()
class Mailer {
  readonly confirmed: string[] = [];

  async confirm(orderId: string): Promise<void> {
    await Promise.resolve();
    this.confirmed.push(orderId);
  }
}

@EntitySubscriber(Order)
class OrderMails {
  constructor(private readonly mailer: Mailer) {}

  async afterInsert(order: Order) {
    await this.mailer.confirm(order.id);
  }
}

@Module({ imports: [ClusterModule.forFeature([Order])], providers: [Mailer, OrderMails] })
class MailModule {}

// Every block of both pages is in this file, word for word. The assertions show that it does what the page says.
describe('docs/entities.md and docs/entities-reference.md', () => {
  it('declares the shape of its class', () => {
    expect(() => assertShape(Order, { key: { id: true }, counters: { views: true } })).not.toThrow();
    expect(() =>
      assertShape(Order, { key: { id: true }, counters: { views: true }, indexed: { note: true } } as never),
    ).toThrow(SchemaError);
  });

  it.each(['docs/entities.md', 'docs/entities-reference.md'])(
    '%s shows only code that is executed here',
    (page) => {
      const here = squeezed(readFileSync(new URL(import.meta.url), 'utf8'));
      const blocks = snippetsOf(page).map(({ code }) => code);
      expect(blocks.length).toBeGreaterThan(5);
      expect(blocks.filter((code) => !here.includes(squeezed(code)))).toEqual([]);
    },
  );

  it('do what they say, from top to bottom', async () => {
    const cluster = new ClusterClient({ nodes, keyPrefix: 'shop:' });
    await cluster.connect();
    const repositories = createRepositories(cluster, [Order, OrderItem]);
    const orders = repositories.repository(Order);
    const items = repositories.repository(OrderItem);

    const order = orders.create({ customer: 'ada', totalCents: 1250n });
    await orders.insert(order);

    const found = await orders.findOneOrFail(order.id);
    found.status = 'paid';
    await orders.save(found);

    expect(await orders.findOne(order.id)).toEqual(found);
    expect(found).toMatchObject({ customer: 'ada', totalCents: 1250n, status: 'paid', views: 0 });

    await items.insert(items.create({ orderId: order.id, line: 1, sku: 'pen-blue', state: 'new' }), {
      opId: 'request-81',
    });
    await items.insert(items.create({ orderId: order.id, line: 1, sku: 'pen-blue', state: 'new' }), {
      opId: 'request-81',
    });
    await items.insert(
      items.create({ orderId: order.id, line: 2, sku: 'pad', state: 'packed', weight: 300 }),
    );
    await items.insert(
      items.create({ orderId: order.id, line: 3, sku: 'box', state: 'packed', weight: 500 }),
    );

    await items.findOne({ orderId: order.id, line: 1 }); // or null
    await items.findMany([
      { orderId: order.id, line: 1 },
      { orderId: order.id, line: 2 },
    ]); // in this order, null where there is none
    await items.exists({ orderId: order.id, line: 1 });

    const label = await items.findOne({ orderId: order.id, line: 1 }, { select: ['sku', 'state'] });
    console.log(label?.sku, label?.orderId); // label.weight does not compile
    expect(label).toEqual({ orderId: order.id, line: 1, sku: 'pen-blue', state: 'new' });

    await items.findBy({ orderId: order.id, state: 'packed' });
    await items.findBy({ orderId: order.id, state: 'packed', weight: { gte: 100, lt: 500 } });
    await items.findOneBy({ orderId: order.id, sku: 'pen-blue' });
    await items.countBy({ orderId: order.id, state: { in: ['new', 'packed'] } });

    const lines = async (where: object) =>
      (await items.findBy({ orderId: order.id, ...where })).map((item) => item.line);
    expect(await lines({ state: 'packed' })).toEqual([2, 3]);
    expect(await lines({ state: 'packed', weight: { gte: 100, lt: 500 } })).toEqual([2]);
    const own = repositories.bind(new OrderItemRepository(new PackingPolicy()));
    expect((await own.findHeavy(order.id)).map(({ line }) => line)).toEqual([3]);
    expect(await lines({ sku: 'pen-blue' })).toEqual([1]);

    const body = { sku: 'pen-blue' };
    await items.findOneBy({ orderId: order.id, sku: { eq: body.sku } });

    const log = jest.spyOn(console, 'log').mockReturnValue();
    const first = await items.findPage({ orderId: order.id }, { limit: 2 });
    const second = await items.findPage({ orderId: order.id }, { limit: 2, cursor: first.cursor });
    console.log(first.items, second.items);
    expect(log.mock.calls).toEqual([[first.items, second.items]]);
    log.mockClear();

    for await (const item of items.stream({ orderId: order.id, state: 'packed' })) console.log(item.sku);
    const all = await firstValueFrom(orders.observe().pipe(toArray()));

    expect(log.mock.calls).toEqual([['pad'], ['box']]);
    log.mockRestore();
    expect(all).toContainEqual(found);

    expect([first.items, second.items].map((page) => page.map(({ line }) => line))).toEqual([[1, 2], [3]]);
    expect(second.cursor).toBeUndefined();

    const { version } = await orders.update(order.id, { status: 'paid', note: null }); // null removes
    await orders.update(order.id, { status: 'open' }, { ifVersion: version });
    const views = await orders.increment(order.id, 'views', 5);

    await orders.update(order.id, { status: 'paid' }, { where: { status: 'open' } }); // only if it is open now

    expect(views).toBe(5);
    expect((await orders.findOneOrFail(order.id)).status).toBe('paid');

    const results = await items.saveMany([
      items.create({ orderId: order.id, line: 4, sku: 'cup', state: 'new' }),
      items.create({ orderId: order.id, line: 5, sku: 'pen-blue', state: 'new' }), // its sku is taken
    ]);
    expect(results.map(({ ok }) => ok)).toEqual([true, false]);

    await orders.update(order.id, { note: 'kept' }, { durability: { replicas: 1, timeoutMs: 5_000 } });
    await orders.update(order.id, { note: null }, { deadlineMs: 5_000, signal: AbortSignal.timeout(4_000) });

    await orders.transaction(order.id, async (tx) => {
      const item = await tx.get(OrderItem, { orderId: order.id, line: 1 });
      const parent = await tx.get(Order, order.id);
      if (!item || !parent) throw new Error('The order has no such item');
      item.state = 'packed';
      tx.save(item);
      parent.totalCents += 300n;
      tx.save(parent);
      tx.increment(Order, order.id, 'views');
    });

    expect(await lines({ state: 'packed' })).toEqual([1, 2, 3]);

    await orders.transaction(order.id, async (tx) => {
      const packed = await tx.find(OrderItem, { orderId: order.id, state: 'packed' });
      if (packed.length >= 10) throw new Error('The parcel is full');
      tx.insert(items.create({ orderId: order.id, line: 9, sku: 'tape', state: 'packed' }));
    });

    expect(await lines({ state: 'packed' })).toEqual([1, 2, 3, 9]);

    const [[owner], parts] = await orders.partition(order.id).loadAll([Order, OrderItem]);

    expect(owner).toEqual(await orders.findOne(order.id));
    expect(parts).toEqual(await items.findBy({ orderId: order.id }));
    expect(await orders.findOne(order.id)).toMatchObject({ totalCents: 1550n, views: 6 });

    const holds = createRepositories(cluster, [Hold]).repository(Hold);
    const hold = await holds.insert(holds.create({ orderId: order.id, seat: 'A1' }));
    const key = { orderId: order.id, id: hold.id };
    await holds.expire(key, new Date(Date.now() + 60_000));
    await holds.expire(key, 60_000); // the same, in milliseconds from now
    await holds.persist(key);
    await holds.expire(key, -1);
    expect(await holds.findOne(key)).toBeNull();
    expect(await holds.findBy({ orderId: order.id })).toEqual([]);
    await holds.insert(holds.create({ orderId: order.id, seat: 'A1' })); // the seat is free again

    await holds.insert(holds.create({ orderId: order.id, seat: 'A2', expiresAt: new Date(Date.now() - 1) }));
    const { swept } = await holds.sweepExpired(); // of the whole cluster
    await holds.sweepExpired({ partition: order.id, limit: 1_000 });
    expect(swept).toBeGreaterThanOrEqual(1);

    const accounts = createRepositories(cluster, [Account]).repository(Account);
    const account = await accounts.insert(accounts.create());
    await accounts.increment(account.id, 'cents', 100, { opId: 'payment-7' });
    await accounts.increment(account.id, 'cents', 100, { opId: 'payment-7' }); // is recognized
    expect(await accounts.findOne(account.id)).toMatchObject({ cents: 100 });

    const articles = createRepositories(cluster, [Article]).repository(Article);
    const article = await articles.save(articles.create({ title: 'How it began' }));
    expect((await articles.findOneOrFail(article.id)).slug).toBe('how-it-began');

    const copy = await orders.findOneOrFail(order.id);
    await orders.update(order.id, { note: 'by somebody else' });
    copy.note = 'by us';
    await expect(orders.save(copy)).rejects.toThrow(VersionConflictError);

    expect(orders.keyOf('42')).toBe('{Order:42}:Order:42');
    expect(items.keyOf({ orderId: '42', line: 7 })).toBe('{Order:42}:OrderItem:7');
    expect(orders.keyOf('a{b}:c')).toBe('{Order:a%7Bb%7D%3Ac}:Order:a%7Bb%7D%3Ac');

    await items.delete({ orderId: '42', line: 7 }); // of an earlier run

    const tag = items.partition('42').tag;
    await items.insert(items.create({ orderId: '42', line: 7, sku: 'ink', state: 'packed', weight: 120 }));
    expect(tag).toBe('{Order:42}');
    expect(await cluster.zrangebylex(`${tag}:OrderItem~ix`, '-', '+')).toEqual([
      'heaviest\x00packed\x00c05e000000000000\x007',
      'state\x00packed\x007',
      '~pk\x007',
    ]);
    expect(await cluster.hgetall(`${tag}:OrderItem~uq`)).toEqual({ 'sku\0ink': '7' });

    await cluster.close();
  });

  it('shows a module that starts', async () => {
    const app = await Test.createTestingModule({
      imports: [
        ClusterModule.forRoot({ nodes, keyPrefix: keyspace }),
        OrderModule,
        PackingModule,
        MailModule,
      ],
    }).compile();
    await app.init();
    const { orders } = app.get(OrderService, { strict: false });
    const { id } = await orders.save(orders.create({ customer: 'ada' }));
    expect(await orders.exists(id)).toBe(true);
    expect(app.get(Mailer, { strict: false }).confirmed).toEqual([id]);
    expect(await app.get(OrderItemRepository, { strict: false }).findHeavy(id)).toEqual([]);
    await app.close();
  });
});

/** Code without what a formatter decides by the width that is left. */
const squeezed = (code: string): string => code.replace(/\s+/g, '').replace(/,(?=[\]})])/g, '');
