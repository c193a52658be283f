import { Injectable, Module, type OnModuleInit, Scope, type Type } from '@nestjs/common';
import { LazyModuleLoader } from '@nestjs/core';
import { Test, type TestingModule } from '@nestjs/testing';
import {
  CircularImportError,
  ClusterEntity,
  ClusterHandlers,
  ClusterModule,
  type ClusterRepository,
  EntitySubscriber,
  getClusterRepositoryToken,
  InjectClusterRepository,
  InvalidArgumentError,
  PrimaryKey,
  Property,
  UnknownClusterError,
} from 'keyslot';
import { sharedCluster } from '../cluster-fixture.js';
import { RecordedLog } from './nest-recorded-log.js';

const { nodes, keyspace } = sharedCluster();
const root = (name?: string) => ClusterModule.forRoot({ nodes, keyPrefix: keyspace, name });

abstract class Dated {
  @Property() note?: string;
}

@ClusterEntity({ name: 'NestSubscribedOrder' })
class Order extends Dated {
  @PrimaryKey({ generate: 'ulid' }) id!: string;
}

@ClusterEntity({ name: 'NestSubscribedBill' })
class Bill extends Dated {
  @PrimaryKey({ generate: 'ulid' }) id!: string;
}

@Injectable()
class Mailer {
  readonly sent: string[] = [];
}

@EntitySubscriber(Order)
class OrderMails {
  constructor(private readonly mailer: Mailer) {}

  async afterInsert(order: Order): Promise<void> {
    await Promise.resolve();
    this.mailer.sent.push(`mail for ${order.note}`);
  }
}

@EntitySubscriber(Dated)
class Audit {
  constructor(private readonly mailer: Mailer) {}

  afterInsert(dated: Dated): void {
    this.mailer.sent.push(`audit of ${dated.constructor.name} ${dated.note}`);
  }
}

/** Writes in the first hook of the application. */
@Injectable()
class Seed implements OnModuleInit {
  constructor(@InjectClusterRepository(Order) private readonly orders: ClusterRepository<Order>) {}

  async onModuleInit(): Promise<void> {
    await this.orders.insert(this.orders.create({ note: 'seed' }));
  }
}

let app: TestingModule | undefined;
afterEach(async () => {
  await app?.close();
  app = undefined;
});

async function start(imports: object[], providers: Type[], log?: RecordedLog): Promise<TestingModule> {
  const builder = Test.createTestingModule({
    imports: imports as never[],
    providers: [Mailer, ...providers],
  });
  if (log) builder.setLogger(log);
  app = await builder.compile();
  return app.init();
}

const insert = async <E extends Dated>(entity: Type<E>, note: string, cluster?: string): Promise<void> => {
  const repository = app!.get<ClusterRepository<Dated>>(getClusterRepositoryToken(entity, cluster));
  await repository.insert(repository.create({ note }));
};

describe('@EntitySubscriber()', () => {
  it('subscribes providers, with their dependencies, before the first onModuleInit', async () => {
    await start([root(), ClusterModule.forFeature([Order, Bill])], [OrderMails, Audit, Seed]);
    await insert(Order, 'one');
    await insert(Bill, 'two');
    expect(app!.get(Mailer).sent).toEqual([
      'mail for seed',
      'audit of Order seed',
      'mail for one',
      'audit of Order one',
      'audit of Bill two',
    ]);
  });

  it('sees the entities of the cluster that it names, and may name several classes', async () => {
    @EntitySubscriber(Order)
    @EntitySubscriber(Bill, { cluster: 'second' })
    class Both {
      constructor(private readonly mailer: Mailer) {}
      beforeInsert(dated: Dated): void {
        this.mailer.sent.push(`${dated.constructor.name} ${dated.note}`);
      }
    }
    const features = [
      ClusterModule.forFeature([Order, Bill]),
      ClusterModule.forFeature([Order, Bill], 'second'),
    ];
    await start([root(), root('second'), ...features], [Both]);
    await insert(Order, 'first');
    await insert(Bill, 'first');
    await insert(Order, 'second', 'second');
    await insert(Bill, 'second', 'second');
    expect(app!.get(Mailer).sent).toEqual(['Order first', 'Bill second']);
  });

  it('applies to classes that extend a subscriber, and ends where a test replaces it', async () => {
    class Quiet extends OrderMails {
      override async afterInsert(): Promise<void> {
        await super.afterInsert({ note: 'quiet' } as Order);
      }
    }
    await start([root(), ClusterModule.forFeature([Order])], [Quiet]);
    await insert(Order, 'one');
    expect(app!.get(Mailer).sent).toEqual(['mail for quiet']);
    await app!.close();
    const replaced = Test.createTestingModule({
      imports: [root(), ClusterModule.forFeature([Order])],
      providers: [Mailer, OrderMails],
    });
    app = await replaced.overrideProvider(OrderMails).useValue({}).compile();
    await app.init();
    await insert(Order, 'one');
    expect(app.get(Mailer).sent).toEqual([]);
  });

  it('in a lazily loaded module is subscribed by ClusterHandlers.load()', async () => {
    @Module({ providers: [OrderMails, Mailer], exports: [Mailer] })
    class MailModule {}
    await start([root(), ClusterModule.forFeature([Order])], []);
    const lazy = await app!.get(LazyModuleLoader).load(() => MailModule);
    await app!.get(ClusterHandlers).load();
    await app!.get(ClusterHandlers).load(); // subscribes nothing twice
    await insert(Order, 'late');
    expect(lazy.get(Mailer).sent).toEqual(['mail for late']);
  });

  it('warns if no module registers its class', async () => {
    const log = new RecordedLog();
    await start([root(), ClusterModule.forFeature([Bill])], [OrderMails], log);
    expect(log.text).toContain(
      '@EntitySubscriber(Order) on OrderMails sees no entities: no module registers Order',
    );
  });

  it.each([
    [
      'a cluster that the application does not have',
      () => {
        @EntitySubscriber(Order, { cluster: 'other' })
        class Elsewhere {
          afterInsert(): void {}
        }
        return Elsewhere;
      },
      UnknownClusterError,
      /@EntitySubscriber\(Order\) on Elsewhere needs the cluster 'other'/,
    ],
    [
      'a subscriber in request scope',
      () => {
        @Injectable({ scope: Scope.REQUEST })
        @EntitySubscriber(Order)
        class PerRequest {
          afterInsert(): void {}
        }
        return PerRequest;
      },
      InvalidArgumentError,
      /PerRequest is not a singleton/,
    ],
    [
      'a subscriber in transient scope',
      () => {
        @Injectable({ scope: Scope.TRANSIENT })
        @EntitySubscriber(Order)
        class PerUser {
          afterInsert(): void {}
        }
        return PerUser;
      },
      InvalidArgumentError,
      /PerUser is not a singleton/,
    ],
    [
      'a method that no event calls',
      () => {
        @EntitySubscriber(Order)
        class Misspelled {
          afterInsert(): void {}
          afterSave(): void {}
        }
        return Misspelled;
      },
      InvalidArgumentError,
      /Misspelled cannot subscribe to Order: it has afterSave/,
    ],
  ])('stops the start of an application with %s', async (_what, subscriber, type, message) => {
    const starting = start([root(), ClusterModule.forFeature([Order])], [subscriber()]);
    const error = await starting.then(
      () => undefined,
      (reason: Error) => reason,
    );
    expect(error).toBeInstanceOf(type);
    expect(error!.message).toMatch(message);
  });

  it('refuses wrong arguments', () => {
    expect(() => EntitySubscriber(undefined as never)).toThrow(CircularImportError);
    expect(() => EntitySubscriber('Order' as never)).toThrow(/needs an entity class, got/);
    expect(() => EntitySubscriber(Order, { name: 'x' } as never)).toThrow(
      /Unknown option name of @EntitySubscriber/,
    );
    expect(() => EntitySubscriber(Order, { cluster: '' })).toThrow(InvalidArgumentError);
  });
});
