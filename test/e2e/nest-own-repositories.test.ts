import { Global, Inject, Injectable, Module, type OnModuleInit, type Provider, Scope } from '@nestjs/common';
import { ContextIdFactory } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import {
  ClusterClient,
  ClusterEntity,
  ClusterModule,
  ClusterRepository,
  ClusterRepositoryOf,
  createRepositories,
  getClusterRepositoryToken,
  Index,
  InjectClusterRepository,
  InvalidArgumentError,
  PartitionKey,
  PrimaryKey,
  Property,
  RepositoryNotReadyError,
} from 'keyslot';
import { sharedCluster } from '../cluster-fixture.js';

const { nodes, keyspace } = sharedCluster();
let client: ClusterClient;
beforeAll(() => {
  client = new ClusterClient({ nodes, keyPrefix: keyspace });
});
afterAll(() => client.close());
const id = (name: string) => `${keyspace}${name}`.replaceAll(':', '-');

@ClusterEntity({ name: 'OwnShop' })
class Shop {
  @PrimaryKey() id!: string;
}

@ClusterEntity({ name: 'OwnOrder', partition: () => Shop })
class Order {
  @PartitionKey() shopId!: string;
  @PrimaryKey() id!: string;
  @Index() @Property() status!: string;
}

@Injectable()
class Clock {
  readonly status = 'open';
}

@ClusterRepositoryOf(Order)
class OrderRepository extends ClusterRepository<Order> implements OnModuleInit {
  started = 0;

  // the names are those that a user would take: the base class keeps clear of them
  constructor(
    private readonly context: Clock,
    @Inject('limit') private readonly mapper: number,
  ) {
    super();
  }

  onModuleInit(): void {
    this.started++;
  }

  findOpen(shopId: string): Promise<Order[]> {
    return this.findBy({ shopId, status: this.context.status }, { limit: this.mapper });
  }
}

@Injectable()
class Orders {
  constructor(
    readonly own: OrderRepository,
    @InjectClusterRepository(Order) readonly byEntity: ClusterRepository<Order>,
  ) {}
}

@Global()
@Module({
  providers: [Clock, { provide: 'limit', useValue: 10 }],
  exports: [Clock, 'limit'],
})
class SettingsModule {}

/** An application whose `forFeature` provides these classes, with what `OrderRepository` depends on. */
function application(classes: (new (...args: never[]) => object)[], providers: Provider[] = [Orders]) {
  @Module({ imports: [ClusterModule.forFeature(classes)], providers })
  class OrdersModule {}
  return Test.createTestingModule({
    imports: [ClusterModule.forRoot({ nodes, keyPrefix: keyspace }), SettingsModule, OrdersModule],
  });
}

describe('A repository of your own', () => {
  it('has injected dependencies, and can be injected by its class and by its entity', async () => {
    const app = await application([Shop, Order, OrderRepository]).compile();
    await app.init();
    const { own, byEntity } = app.get(Orders, { strict: false });
    expect(byEntity).toBe(own);
    expect(own.started).toBe(1);
    const shopId = id('shop');
    await own.saveMany([
      own.create({ shopId, id: '1', status: 'open' }),
      own.create({ shopId, id: '2', status: 'paid' }),
    ]);
    expect((await own.findOpen(shopId)).map((order) => order.id)).toEqual(['1']);
    await own.transaction(shopId, async (tx) => {
      const order = await tx.get(Order, { shopId, id: '1' });
      order!.status = 'paid';
      tx.save(order!);
    });
    expect(await own.findOpen(shopId)).toEqual([]);
    await app.close();
  });

  it('needs its entity at most once in the list', async () => {
    const app = await application([Shop, OrderRepository]).compile();
    const { own, byEntity } = app.get(Orders, { strict: false });
    expect(byEntity).toBe(own);
    await app.close();
  });

  it('can be a provider of the module that imports its entity', async () => {
    const app = await application(
      [Shop, Order],
      [Orders, OrderRepository, { provide: 'limit', useValue: 1 }],
    ).compile();
    await app.init();
    const { own, byEntity } = app.get(Orders, { strict: false });
    expect(own).toBeInstanceOf(OrderRepository);
    expect(byEntity).not.toBe(own);
    const shopId = id('beside');
    await byEntity.saveMany(
      ['1', '2'].map((order) => byEntity.create({ shopId, id: order, status: 'open' })),
    );
    expect((await own.findOpen(shopId)).map((order) => order.id)).toEqual(['1']);
    await app.close();
  });

  it('can be scoped to a request', async () => {
    @ClusterRepositoryOf(Shop)
    @Injectable({ scope: Scope.REQUEST })
    class ShopRepository extends ClusterRepository<Shop> {}
    const app = await application([ShopRepository, OrderRepository]).compile();
    const [one, other] = await Promise.all(
      [ContextIdFactory.create(), ContextIdFactory.create()].map((context) =>
        app.resolve(ShopRepository, context, { strict: false }),
      ),
    );
    expect(one).not.toBe(other);
    const shopId = id('scoped');
    await one!.insert(one!.create({ id: shopId }));
    expect(await other!.exists(shopId)).toBe(true);
    await app.close();
  });

  it('can be replaced by a stub in a test', async () => {
    const standIn = { findOpen: () => Promise.resolve([]) };
    const app = await application([Shop, Order, OrderRepository])
      .overrideProvider(OrderRepository)
      .useValue(standIn)
      .compile();
    expect(app.get(Orders, { strict: false })).toEqual({ own: standIn, byEntity: standIn });
    await app.close();
  });

  it('needs no real client where it is replaced', async () => {
    const app = await application([Shop, Order, OrderRepository])
      .overrideProvider(ClusterClient)
      .useValue({})
      .overrideProvider(OrderRepository)
      .useValue({})
      .overrideProvider(getClusterRepositoryToken(Shop))
      .useValue({})
      .compile();
    expect(app.get(Orders, { strict: false })).toEqual({ own: {}, byEntity: {} });
    await app.close();
  });

  it('inherits the entity of the repository that it extends', async () => {
    class AuditedOrders extends OrderRepository {}
    const registry = createRepositories(client, [Shop, Order]);
    const orders = registry.bind(new AuditedOrders({ status: 'open' }, 1));
    expect(orders.type).toBe(Order);
    const shopId = id('inherited');
    await orders.insert(orders.create({ shopId, id: '1', status: 'open' }));
    expect(await registry.repository(Order).exists({ shopId, id: '1' })).toBe(true);
  });
});

describe('A repository of your own that is used incorrectly', () => {
  it('reports that its constructor uses it too early', async () => {
    @ClusterRepositoryOf(Shop)
    class EagerRepository extends ClusterRepository<Shop> {
      readonly first = this.keyOf('1');
    }
    const compiled = application([EagerRepository, OrderRepository]).compile();
    await expect(compiled).rejects.toThrow(RepositoryNotReadyError);
    await expect(compiled).rejects.toThrow(/EagerRepository has no client yet.*onModuleInit/);
  });

  it('reports on startup that its entity was not passed to forFeature()', async () => {
    await expect(application([Shop], [OrderRepository]).compile()).rejects.toThrow(
      /ClusterModule\.forFeature\(\[Order\]\)/,
    );
  });

  it('reports that its class names no entity', () => {
    class Nameless extends ClusterRepository<Shop> {}
    expect(() => ClusterModule.forFeature([Nameless])).toThrow(
      'Nameless extends ClusterRepository but names no entity. Decorate it with @ClusterRepositoryOf(Entity)',
    );
  });

  it('reports two classes with the same entity', () => {
    @ClusterRepositoryOf(Order)
    class Other extends ClusterRepository<Order> {}
    expect(() => ClusterModule.forFeature([OrderRepository, Other])).toThrow(
      /two repository classes of Order: OrderRepository and Other/,
    );
  });

  it('reports that the decorated class is not a repository', () => {
    const decorate = ClusterRepositoryOf(Shop) as (target: unknown) => void;
    expect(() => decorate(Clock)).toThrow(/Clock has @ClusterRepositoryOf\(Shop\) but does not extend/);
  });

  it.each([
    [
      'undefined',
      undefined,
      /needs an entity class, got undefined. Most likely, the two files import each other/,
    ],
    ['a name', 'Order', /needs an entity class, got a string/],
    ['a repository class', OrderRepository, /needs an entity class/],
  ])('rejects %s as an entity', (_what, entity, message) => {
    expect(() => ClusterRepositoryOf(entity as never)).toThrow(InvalidArgumentError);
    expect(() => ClusterRepositoryOf(entity as never)).toThrow(message);
  });

  it('states what bind() needs', () => {
    const registry = createRepositories(client, [Shop]);
    for (const value of [undefined, null, {}, registry.repository(Shop)]) {
      expect(() => registry.bind(value as never)).toThrow(/bind\(\) needs an object of a class that extends/);
    }
  });
});
