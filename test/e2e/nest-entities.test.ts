import { Injectable, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  CircularImportError,
  ClusterEntity,
  ClusterModule,
  type ClusterRepository,
  getClusterRepositoryToken,
  InjectClusterRepository,
  InvalidArgumentError,
  PrimaryKey,
  Property,
  SchemaError,
  UnknownClusterError,
} from 'keyslot';
import { sharedCluster } from '../cluster-fixture.js';

const { nodes, keyspace } = sharedCluster();

@ClusterEntity({ name: 'NestOrder' })
class Order {
  @PrimaryKey() id!: string;
  @Property() status!: string;
}

@ClusterEntity({ name: 'NestBuyer' })
class Buyer {
  @PrimaryKey() id!: string;
}

@Injectable()
class Orders {
  constructor(@InjectClusterRepository(Order) readonly repository: ClusterRepository<Order>) {}
}

/** What makes an application with these imports fail to start. */
async function failureOf(...imports: object[]): Promise<Error> {
  const compiled = Test.createTestingModule({ imports: imports as never[] }).compile();
  return compiled.then(
    () => new Error('The application started'),
    (error: Error) => error,
  );
}

describe('forFeature', () => {
  it.each([
    ['in any module of the application', { nodes, keyPrefix: keyspace }, false],
    ['beside a client that is not global', { nodes, keyPrefix: keyspace, isGlobal: false }, true],
  ])('provides working repositories %s', async (_where, options, beside) => {
    const root = ClusterModule.forRoot(options);
    // forFeature stands first: the order of imports must not matter
    @Module({
      imports: [ClusterModule.forFeature([Order, Buyer]), ...(beside ? [root] : [])],
      providers: [Orders],
    })
    class OrdersModule {}
    const app = await Test.createTestingModule({
      imports: [OrdersModule, ...(beside ? [] : [root])],
    }).compile();
    await app.init();
    const { repository } = app.get(Orders, { strict: false });
    const id = `${keyspace}${String(beside)}`.replaceAll(':', '-');
    await repository.insert(repository.create({ id, status: 'new' }));
    expect(await repository.findOne(id)).toMatchObject({ id, status: 'new' });
    await app.close();
  });

  it('provides one repository of an entity to all modules', async () => {
    @Module({ imports: [ClusterModule.forFeature([Order])], providers: [Orders] })
    class One {}
    @Module({
      imports: [ClusterModule.forFeature([Buyer, Order])],
      providers: [{ provide: 'other', useClass: Orders }],
    })
    class Other {}
    const imports = [ClusterModule.forRoot({ nodes, keyPrefix: keyspace }), One, Other];
    const app = await Test.createTestingModule({ imports }).compile();
    expect(app.get<Orders>('other', { strict: false }).repository).toBe(
      app.get(Orders, { strict: false }).repository,
    );
    await app.close();
  });

  it('keeps the repositories of two clusters separate', async () => {
    const imports = [
      ClusterModule.forRoot({ nodes, keyPrefix: `${keyspace}one:` }),
      ClusterModule.forRoot({ nodes, keyPrefix: `${keyspace}two:`, name: 'two' }),
      ClusterModule.forFeature([Order]),
      ClusterModule.forFeature([Order], 'two'),
    ];
    const app = await Test.createTestingModule({ imports }).compile();
    const one = app.get<ClusterRepository<Order>>(getClusterRepositoryToken(Order));
    const two = app.get<ClusterRepository<Order>>(getClusterRepositoryToken(Order, 'two'));
    await one.insert(one.create({ id: 'apart', status: 'one' }));
    expect(await two.findOne('apart')).toBeNull();
    await app.close();
  });

  it('distinguishes classes by identity, not by name', () => {
    const namesake = (name: string) => {
      @ClusterEntity({ name })
      class Namesake {
        @PrimaryKey() id!: string;
      }
      return Namesake;
    };
    const tokens = [namesake('A'), namesake('B')].map((type) => getClusterRepositoryToken(type));
    expect(tokens[0]).not.toBe(tokens[1]);
    expect(tokens.map(String)).toEqual(Array(2).fill(expect.stringContaining('Namesake')));
    expect(getClusterRepositoryToken(Order)).toBe(getClusterRepositoryToken(Order, 'default'));
  });

  it('allows a test to replace a repository by its token', async () => {
    const fake = {};
    @Module({ imports: [ClusterModule.forFeature([Order])], providers: [Orders] })
    class OrdersModule {}
    const app = await Test.createTestingModule({ imports: [ClusterModule.forRoot({ nodes }), OrdersModule] })
      .overrideProvider(getClusterRepositoryToken(Order))
      .useValue(fake)
      .compile();
    expect(app.get(Orders, { strict: false }).repository).toBe(fake);
    await app.close();
  });
});

describe('an application with faulty entities', () => {
  it('does not start with two entities of the same name', async () => {
    @ClusterEntity({ name: 'NestOrder' })
    class OldOrder {
      @PrimaryKey() id!: string;
    }
    const error = await failureOf(
      ClusterModule.forRoot({ nodes }),
      ClusterModule.forFeature([Order]),
      ClusterModule.forFeature([OldOrder]),
    );
    expect(error).toBeInstanceOf(SchemaError);
    expect(error.message).toContain('OldOrder');
  });

  it('reports every fault of its entities at once', async () => {
    @ClusterEntity({ name: 'NestKeyless' })
    class Keyless {
      @Property() status!: string;
    }
    class Undecorated {
      id = '';
    }
    const error = await failureOf(
      ClusterModule.forRoot({ nodes }),
      ClusterModule.forFeature([Order, Keyless, Undecorated]),
    );
    expect(error).toBeInstanceOf(SchemaError);
    expect((error as SchemaError).faults.join()).toMatch(/Keyless.*Undecorated/);
  });

  it('reports a circular import if an entity is undefined', () => {
    const missing = undefined as never;
    expect(() => ClusterModule.forFeature([Order, missing])).toThrow(CircularImportError);
    expect(() => InjectClusterRepository(missing)).toThrow(CircularImportError);
    expect(() => getClusterRepositoryToken(missing)).toThrow(/import/);
  });

  it('reports an entity that is not a class', () => {
    expect(() => ClusterModule.forFeature(['Order' as never])).toThrow(InvalidArgumentError);
    expect(() => ClusterModule.forFeature(Order as never)).toThrow(InvalidArgumentError);
    expect(() => InjectClusterRepository('Order' as never)).toThrow(InvalidArgumentError);
  });

  it('states what to import if forFeature names an unknown cluster', async () => {
    const without = await failureOf(ClusterModule.forFeature([Order]));
    expect(without).toBeInstanceOf(UnknownClusterError);
    expect(without.message).toContain('ClusterModule.forRoot()');
    const named = await failureOf(
      ClusterModule.forRoot({ nodes }),
      ClusterModule.forFeature([Order], 'cache'),
    );
    expect(named).toBeInstanceOf(UnknownClusterError);
    expect(named.message).toContain("name: 'cache'");
  });

  it('reports invalid options, not a missing cluster', async () => {
    const error = await failureOf(
      ClusterModule.forFeature([Order]),
      ClusterModule.forRoot({ keyPrefix: '{x}' }),
    );
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', argument: 'keyPrefix' });
  });
});
