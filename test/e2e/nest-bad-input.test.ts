import { Injectable, Module, Scope } from '@nestjs/common';
import { REQUEST } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import {
  Channel,
  ClusterEntity,
  ClusterModule,
  getClusterRepositoryToken,
  getClusterToken,
  getPubSubToken,
  InjectCluster,
  InjectClusterRepository,
  InjectPubSub,
  InvalidArgumentError,
  KeyspaceEvent,
  Message,
  Pattern,
  PatternSubscribe,
  Payload,
  PrimaryKey,
  Property,
  ShardedSubscribe,
  Subscribe,
} from 'keyslot';
import { ClusterDashboardModule } from 'keyslot/dashboard';
import { ClusterClientProxy, ClusterTransport } from 'keyslot/microservices';
import { ClusterTelemetryModule } from 'keyslot/telemetry';
import { ClusterTestingModule } from 'keyslot/testing';

const SECRET = 'planted-S3cret';
/** Nothing here connects; where it would, it fails. */
const NODES = ['127.0.0.1:1'];

@ClusterEntity({ name: 'Stone' })
class Stone {
  @PrimaryKey() id!: string;
}

/** What is thrown or rejected with. */
async function refusal(act: () => unknown): Promise<Error> {
  try {
    await act();
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
  throw new Error('It was accepted');
}

const compile = (...imports: ReturnType<typeof ClusterModule.forRoot>[]) =>
  Test.createTestingModule({ imports }).compile();

it.each([
  [
    ClusterModule,
    /^The import ClusterModule alone does nothing: import ClusterModule\.forRoot\(\) in the root/,
  ],
  [ClusterDashboardModule, /^The import ClusterDashboardModule alone does nothing: .*guards/],
  [ClusterTelemetryModule, /^The import ClusterTelemetryModule alone does nothing: .*forRoot\(\)$/],
])('%p among imports, without a method, is rejected', async (module, message) => {
  const imports = [ClusterModule.forRoot({ nodes: NODES, lazyConnect: true }), module];
  const error = await refusal(() => Test.createTestingModule({ imports }).compile());
  expect(error).toBeInstanceOf(InvalidArgumentError);
  expect(error.message).toMatch(message);
});

describe('forRoot rejects at the call', () => {
  it.each<[given: unknown, argument: string, message: RegExp]>([
    [null, 'options', /forRoot\(\) needs the options of a client, got null/],
    [`redis://:${SECRET}@h:7000`, 'options', /got a string/],
    [['h:7000'], 'options', /got a list/],
    [7, 'options', /got a number/],
    [() => ({}), 'options', /got a function/],
    [{ name: '' }, 'name', /name of a cluster must be a non-empty string, got an empty string/],
    [{ name: 7 }, 'name', /must be a non-empty string.*got 7/],
    [{ isGlobal: 'yes' }, 'isGlobal', /true or false, got a string/],
  ])('%p', async (given, argument, message) => {
    const error = await refusal(() => ClusterModule.forRoot(given as never));
    expect(error).toBeInstanceOf(InvalidArgumentError);
    expect(error).toMatchObject({ argument, message: expect.stringMatching(message) });
    expect(error.message).not.toContain(SECRET);
  });
});

describe('forRootAsync rejects', () => {
  class Factory {
    createClusterOptions() {
      return { nodes: NODES };
    }
  }
  const useFactory = () => ({ nodes: NODES });

  it.each<[what: string, given: unknown, argument: string, message: RegExp]>([
    ['nothing', undefined, 'options', /needs an object with one of useFactory.*got undefined/],
    ['null', null, 'options', /got null/],
    ['a factory by itself', useFactory, 'options', /got a function/],
    ['no source', {}, 'forRootAsync', /none of them/],
    ['a source that is undefined', { useClass: undefined }, 'forRootAsync', /none of them/],
    ['two sources', { useFactory, useClass: Factory }, 'forRootAsync', /useFactory and useClass/],
    [
      'options beside the factory',
      { useFactory, nodes: NODES },
      'nodes',
      /no option nodes.*the factory returns/,
    ],
    ['a source that is misspelt', { useFactry: useFactory }, 'useFactry', /no option useFactry.*useFactory/],
    ['a factory that is none', { useFactory: { nodes: NODES } }, 'useFactory', /a function, got an object/],
    ['a class that is none', { useClass: 'Factory' }, 'useClass', /a class, got a string/],
    [
      'an existing one that is none',
      { useExisting: {} },
      'useExisting',
      /token of a provider, got an object/,
    ],
    ['inject', { useFactory, inject: 'Config' }, 'inject', /a list of tokens, got a string/],
    ['imports', { useFactory, imports: Factory }, 'imports', /a list of modules, got a function/],
    ['extraProviders', { useFactory, extraProviders: Factory }, 'extraProviders', /a list of providers/],
    ['name', { useFactory, name: null }, 'name', /must be a non-empty string.*got null/],
    ['isGlobal', { useFactory, isGlobal: 1 }, 'isGlobal', /true or false, got 1/],
  ])('%s, at the call', async (_what, given, argument, message) => {
    const error = await refusal(() => ClusterModule.forRootAsync(given as never));
    expect(error).toBeInstanceOf(InvalidArgumentError);
    expect(error).toMatchObject({ argument, message: expect.stringMatching(message) });
  });

  it.each<[what: string, given: object, argument: string, message: RegExp]>([
    ['nothing', { useFactory: () => undefined }, 'useFactory', /must return an object.*got undefined/],
    ['a promise of nothing', { useFactory: async () => undefined }, 'useFactory', /got undefined/],
    ['a URL', { useFactory: () => `redis://:${SECRET}@h` }, 'useFactory', /got a string/],
    ['a name', { useFactory: () => ({ name: 'x' }) }, 'name', /beside useFactory/],
    ['isGlobal', { useFactory: () => ({ isGlobal: true }) }, 'isGlobal', /beside useFactory/],
    ['a wrong option', { useFactory: () => ({ deadlineMs: 0 }) }, 'deadlineMs', /milliseconds.*0/],
    [
      'nothing, by a class',
      {
        useClass: class {
          createClusterOptions() {}
        },
      },
      'useClass',
      /got undefined/,
    ],
    ['no method', { useClass: Object }, 'createClusterOptions', /must have a method createClusterOptions/],
  ])('%s from the factory, when the module is compiled', async (_what, given, argument, message) => {
    const error = await refusal(() => compile(ClusterModule.forRootAsync(given)));
    expect(error).toBeInstanceOf(InvalidArgumentError);
    expect(error).toMatchObject({ argument, message: expect.stringMatching(message) });
    expect(error.message).not.toContain(SECRET);
  });
});

describe('other entry points reject invalid arguments', () => {
  const client = { nodes: NODES };

  it.each([undefined, null, 'x', [], { clinet: client }, { connection: client, shard: true }, {}])(
    '%p as the options of a transport',
    async (options) => {
      for (const Kind of [ClusterTransport, ClusterClientProxy])
        expect(await refusal(() => new Kind(options as never))).toBeInstanceOf(InvalidArgumentError);
    },
  );

  it.each([null, 'x', { isGlobal: 1 }, { name: '' }])('%p for a testing module', async (options) => {
    const error = await refusal(() => ClusterTestingModule.forRoot(options as never));
    expect(error).toBeInstanceOf(InvalidArgumentError);
  });
});

describe('request-scoped options', () => {
  @Injectable({ scope: Scope.REQUEST })
  class Tenant {}

  it.each([REQUEST, Tenant])('are rejected when the application starts: %p', async (token) => {
    const root = ClusterModule.forRootAsync({
      extraProviders: [Tenant],
      inject: [token],
      useFactory: () => ({ nodes: NODES, lazyConnect: true }),
    });
    const module = await compile(root);
    expect(await refusal(() => module.init())).toMatchObject({
      code: 'INVALID_ARGUMENT',
      argument: 'inject',
      message: expect.stringContaining('request-scoped'),
    });
    await module.close();
  });
});

describe('an invalid name is rejected', () => {
  it.each([7, '', null, {}])('%p, everywhere', async (name) => {
    const named = name as string;
    const acts = [
      () => ClusterModule.forFeature([Stone], named),
      () => getClusterToken(named),
      () => getPubSubToken(named),
      () => getClusterRepositoryToken(Stone, named),
      () => InjectCluster(named),
      () => InjectPubSub(named),
      () => InjectClusterRepository(Stone, named),
      () => Subscribe('news', { cluster: named }),
    ];
    for (const act of acts)
      expect(await refusal(act)).toMatchObject({ code: 'INVALID_ARGUMENT', argument: 'name' });
  });
});

describe('a missing cluster is named', () => {
  it('by forFeature before, and without, forRoot', async () => {
    const root = ClusterModule.forRoot({ nodes: NODES, lazyConnect: true });
    const feature = ClusterModule.forFeature([Stone]);
    const app = await compile(feature, root); // the order of imports does not matter
    expect(app.get(getClusterRepositoryToken(Stone))).toBeDefined();
    await app.close();
    expect(await refusal(() => compile(feature))).toMatchObject({
      code: 'UNKNOWN_CLUSTER',
      message: expect.stringContaining("'default'"),
    });
    expect(await refusal(() => compile(root, ClusterModule.forFeature([Stone], 'orders')))).toMatchObject({
      code: 'UNKNOWN_CLUSTER',
      message: expect.stringContaining("forRoot({ name: 'orders' })"),
    });
  });

  it('if a repository is injected that no forFeature provides', async () => {
    @Module({
      imports: [ClusterModule.forRoot({ nodes: NODES, lazyConnect: true })],
      providers: [{ provide: 'wants', useFactory: () => 1, inject: [getClusterRepositoryToken(Stone)] }],
    })
    class Wanting {}
    const error = await refusal(() => Test.createTestingModule({ imports: [Wanting] }).compile());
    expect(error.message).toContain('ClusterRepository<Stone>');
  });
});

type Decorator = (...target: unknown[]) => unknown;

class Wrong {
  static still(): void {}
  get gotten(): number {
    return 1;
  }
  method(): void {}
}
const PLACES: Readonly<Record<string, unknown[]>> = {
  'a class': [Wrong],
  'a property': [Wrong.prototype, 'field'],
  'a static method': [Wrong, 'still', Object.getOwnPropertyDescriptor(Wrong, 'still')],
  'a getter': [Wrong.prototype, 'gotten', Object.getOwnPropertyDescriptor(Wrong.prototype, 'gotten')],
  'a method': [Wrong.prototype, 'method', Object.getOwnPropertyDescriptor(Wrong.prototype, 'method')],
  'a parameter of a constructor': [Wrong, undefined, 0],
  'a parameter of a static method': [Wrong, 'still', 0],
};
const places = (...names: string[]): [string, unknown[]][] => names.map((name) => [name, PLACES[name]]);

describe('a misplaced decorator is rejected, by name', () => {
  const handlers = { Subscribe, PatternSubscribe, ShardedSubscribe, KeyspaceEvent };
  describe.each(Object.entries(handlers))('@%s', (name, decorate) => {
    it.each(places('a class', 'a property', 'a static method', 'a getter'))(
      'on %s',
      async (_place, target) => {
        const error = await refusal(() => (decorate('news') as Decorator)(...target));
        expect(error).toMatchObject({
          code: 'INVALID_ARGUMENT',
          message: expect.stringContaining(`@${name}()`),
        });
      },
    );

    it.each<[string, unknown, RegExp]>([
      ['no options', null, /null/],
      ['a list of options', [], /an empty list/],
      ['an option it does not have', { concurency: 2 }, /Unknown option concurency.*concurrency/],
      ['a concurrency', { concurrency: 0 }, /positive integer or Infinity, got 0/],
      ['an order', { order: 'name' }, /'channel' or 'none'/],
      ['a buffer', { buffer: { size: 0 } }, /size/],
      ['what to inject', { inject: 'Config' }, /a list of tokens/],
    ])('with invalid %s', async (_what, options, message) => {
      const withOptions = name === 'KeyspaceEvent' ? ['a', undefined, options] : ['a', options];
      const error = await refusal(() => (decorate as (...args: unknown[]) => unknown)(...withOptions));
      expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', message: expect.stringMatching(message) });
    });
  });

  it('with an invalid codec', async () => {
    for (const decorate of [Subscribe, PatternSubscribe, ShardedSubscribe])
      expect(await refusal(() => decorate('a', { codec: 'xml' as never }))).toMatchObject({
        argument: 'codec',
      });
    expect(await refusal(() => KeyspaceEvent('a', 'del', { codec: 'json' } as never))).toMatchObject({
      argument: 'codec',
    });
  });

  const params = { Payload, Channel, Message, Pattern };
  describe.each(Object.entries(params))('@%s', (name, decorate) => {
    const wrong = places(
      'a class',
      'a property',
      'a method',
      'a parameter of a constructor',
      'a parameter of a static method',
    );
    it.each(wrong)('on %s', async (_place, target) => {
      const error = await refusal(() => (decorate() as Decorator)(...target));
      expect(error).toMatchObject({
        code: 'INVALID_ARGUMENT',
        message: expect.stringContaining(`@${name}()`),
      });
    });
  });

  const properties = { PrimaryKey: PrimaryKey(), Property: Property() };
  describe.each(Object.entries(properties))('@%s', (_name, decorator) => {
    it.each(places('a class', 'a static method', 'a method', 'a parameter of a constructor'))(
      'on %s',
      async (_place, target) => {
        expect(await refusal(() => (decorator as Decorator)(...target))).toMatchObject({
          code: 'SCHEMA_ERROR',
        });
      },
    );
  });

  it.each(places('a property', 'a method', 'a getter'))('@ClusterEntity on %s', async (_place, target) => {
    const decorator = ClusterEntity({ name: 'Wrong' }) as Decorator;
    expect(await refusal(() => decorator(...target))).toMatchObject({ code: 'SCHEMA_ERROR' });
  });
});
