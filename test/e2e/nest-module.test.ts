import { Injectable, Module, type OnModuleInit, type Type } from '@nestjs/common';
import { Test, type TestingModuleBuilder } from '@nestjs/testing';
import {
  ClusterClient,
  type ClusterClientOptions,
  ClusterModule,
  type ClusterOptionsFactory,
  ClusterPubSub,
  getClusterToken,
  getPubSubToken,
  InjectCluster,
  InjectPubSub,
  InvalidArgumentError,
} from 'keyslot';
import { sharedCluster } from '../cluster-fixture.js';

const { nodes, keyspace } = sharedCluster();
const UNREACHABLE = ['127.0.0.1:1'];

/** A module that provides and exports these classes. */
function exporting(...providers: Type[]): Type {
  @Module({ providers, exports: providers })
  class Exporting {}
  return Exporting;
}

/** Runs a test against an initialized application, and closes that in any case. */
async function withApp(
  builder: TestingModuleBuilder,
  run: (get: <T = ClusterClient>(token: Type<T> | symbol) => T) => void | Promise<void>,
): Promise<void> {
  const app = await builder.compile();
  try {
    await app.init();
    await run((token) => app.get(token, { strict: false }));
  } finally {
    await app.close();
  }
}

describe('injection', () => {
  @Injectable()
  class Users {
    constructor(
      readonly byClass: ClusterClient,
      @InjectCluster() readonly byDecorator: ClusterClient,
      readonly pubsub: ClusterPubSub,
      @InjectPubSub() readonly pubsubByDecorator: ClusterPubSub,
    ) {}
  }

  it('provides the default client by its class, by @InjectCluster() and by its token', () =>
    withApp(
      Test.createTestingModule({ imports: [exporting(Users), ClusterModule.forRoot({ nodes })] }),
      async (get) => {
        const users = get(Users);
        expect(users.byClass).toBeInstanceOf(ClusterClient);
        expect(users.byDecorator).toBe(users.byClass);
        expect(get(getClusterToken())).toBe(users.byClass);
        expect(get(getClusterToken('default'))).toBe(users.byClass);
        expect(users.pubsub).toBe(users.byClass.pubsub);
        expect(users.pubsubByDecorator).toBe(users.pubsub);
        await users.byClass.set(`${keyspace}injected`, 'yes');
        expect(await users.byClass.get(`${keyspace}injected`)).toBe('yes');
      },
    ));

  it('keeps named clusters separate, by their exact names', () => {
    @Injectable()
    class Caches {
      constructor(
        readonly standard: ClusterClient,
        @InjectCluster('cache') readonly lower: ClusterClient,
        @InjectCluster('Cache') readonly upper: ClusterClient,
        @InjectPubSub('cache') readonly pubsub: ClusterPubSub,
      ) {}
    }
    const imports = [
      exporting(Caches),
      ClusterModule.forRoot({ nodes }),
      ClusterModule.forRoot({ nodes, name: 'cache', keyPrefix: `${keyspace}lower:` }),
      ClusterModule.forRootAsync({
        name: 'Cache',
        useFactory: () => ({ nodes, keyPrefix: `${keyspace}upper:` }),
      }),
    ];
    return withApp(Test.createTestingModule({ imports }), async (get) => {
      const { standard, lower, upper, pubsub } = get(Caches);
      expect(new Set([standard, lower, upper]).size).toBe(3);
      expect(pubsub).toBe(lower.pubsub);
      await lower.set('k', 'lower');
      await upper.set('k', 'upper');
      expect(await standard.get(`${keyspace}lower:k`)).toBe('lower');
      expect(await standard.get(`${keyspace}upper:k`)).toBe('upper');
    });
  });

  it('is limited to modules that import it if isGlobal is false', async () => {
    const outside = Test.createTestingModule({
      imports: [exporting(Users), ClusterModule.forRoot({ nodes, isGlobal: false })],
    });
    await expect(outside.compile()).rejects.toThrow('ClusterClient');

    @Module({ imports: [ClusterModule.forRoot({ nodes, isGlobal: false })], providers: [Users] })
    class Inside {}
    await withApp(Test.createTestingModule({ imports: [Inside] }), (get) => {
      expect(get(Users).byClass.status).toBe('ready');
    });
  });

  it('is re-exported by a module that imports it', async () => {
    @Module({ imports: [ClusterModule.forRoot({ nodes, isGlobal: false })], exports: [ClusterModule] })
    class Redis {}
    @Module({ imports: [Redis], providers: [Users] })
    class Feature {}
    await withApp(Test.createTestingModule({ imports: [Feature] }), (get) => {
      expect(get(Users).byClass.status).toBe('ready');
    });
  });

  it('rejects two clusters of the same name, and an invalid name', async () => {
    const twice = Test.createTestingModule({
      imports: [ClusterModule.forRoot({ nodes }), ClusterModule.forRoot({ nodes })],
    });
    await expect(twice.compile()).rejects.toThrow(InvalidArgumentError);
    expect(() => ClusterModule.forRoot({ name: '' })).toThrow(InvalidArgumentError);
    expect(() => ClusterModule.forRoot({ name: 7 as never })).toThrow(InvalidArgumentError);
  });

  it('treats one module in several places as one cluster', () => {
    const cluster = ClusterModule.forRoot({ nodes });
    @Module({ imports: [cluster], providers: [Users] })
    class Feature {}
    return withApp(Test.createTestingModule({ imports: [Feature, cluster] }), (get) => {
      expect(get(Users).byClass).toBe(get(ClusterClient));
    });
  });

  it('names the cluster that is missing', async () => {
    @Injectable()
    class Caches {
      constructor(@InjectCluster('cache') readonly cache: ClusterClient) {}
    }
    const builder = Test.createTestingModule({
      imports: [exporting(Caches), ClusterModule.forRoot({ nodes })],
    });
    await expect(builder.compile()).rejects.toThrow('ClusterClient:cache');
  });

  it('names the unknown option', async () => {
    const builder = Test.createTestingModule({ imports: [ClusterModule.forRoot({ node: nodes } as never)] });
    await expect(builder.compile()).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', argument: 'node' });
  });
});

describe('forRootAsync', () => {
  @Injectable()
  class Config {
    readonly redis = { nodes, keyPrefix: `${keyspace}configured:` };
  }
  const ConfigModule = exporting(Config);

  @Injectable()
  class ConfiguredCluster implements ClusterOptionsFactory {
    constructor(private readonly config: Config) {}
    createClusterOptions(): ClusterClientOptions {
      return this.config.redis;
    }
  }

  @Module({ imports: [ConfigModule], providers: [ConfiguredCluster], exports: [ConfiguredCluster] })
  class ConfiguredModule {}

  const forms = {
    useFactory: ClusterModule.forRootAsync({
      imports: [ConfigModule],
      inject: [Config],
      useFactory: async (config: Config) => config.redis,
    }),
    useClass: ClusterModule.forRootAsync({ imports: [ConfigModule], useClass: ConfiguredCluster }),
    useExisting: ClusterModule.forRootAsync({ imports: [ConfiguredModule], useExisting: ConfiguredCluster }),
    extraProviders: ClusterModule.forRootAsync({
      extraProviders: [Config],
      inject: [Config],
      useFactory: ({ redis }: Config) => redis,
    }),
  };

  it.each(Object.keys(forms) as (keyof typeof forms)[])('accepts its options from %s', (form) =>
    withApp(
      Test.createTestingModule({ imports: [forms[form], ClusterModule.forRoot({ nodes, name: 'plain' })] }),
      async (get) => {
        await get(ClusterClient).set(form, 'value');
        expect(await get(getClusterToken('plain')).get(`${keyspace}configured:${form}`)).toBe('value');
      },
    ),
  );

  it.each([
    ['none of them', {}],
    ['useFactory and useClass', { useFactory: () => ({}), useClass: ConfiguredCluster }],
    ['useClass and useExisting', { useClass: ConfiguredCluster, useExisting: ConfiguredCluster }],
  ])('rejects %s', (given, options) => {
    expect(() => ClusterModule.forRootAsync(options)).toThrow(InvalidArgumentError);
    expect(() => ClusterModule.forRootAsync(options)).toThrow(given);
  });
});

describe('overrideProvider', () => {
  const fake = { get: async () => 'fake', pubsub: {} };

  @Injectable()
  class Greeter implements OnModuleInit {
    greeting: string | null = null;
    constructor(
      private readonly cluster: ClusterClient,
      @InjectCluster('cache') readonly cache: ClusterClient,
      readonly pubsub: ClusterPubSub,
      @InjectPubSub('cache') readonly cachePubSub: ClusterPubSub,
    ) {}
    async onModuleInit(): Promise<void> {
      this.greeting = await this.cluster.get('greeting');
    }
  }

  it('replaces clients and pub/sub by their tokens, and nothing connects', () => {
    const pubsub = {};
    const builder = Test.createTestingModule({
      imports: [
        exporting(Greeter),
        ClusterModule.forRoot({ nodes: UNREACHABLE }),
        ClusterModule.forRoot({ nodes: UNREACHABLE, name: 'cache' }),
      ],
    })
      .overrideProvider(ClusterClient)
      .useValue(fake)
      .overrideProvider(getClusterToken('cache'))
      .useFactory({ factory: () => fake })
      .overrideProvider(getPubSubToken('cache'))
      .useValue(pubsub);
    return withApp(builder, (get) => {
      const greeter = get(Greeter);
      expect(greeter.greeting).toBe('fake');
      expect(greeter.cache).toBe(fake);
      expect(greeter.pubsub).toBe(fake.pubsub);
      expect(greeter.cachePubSub).toBe(pubsub);
    });
  });

  it('never closes a client that replaces its own', async () => {
    const own = new ClusterClient({ nodes });
    const builder = Test.createTestingModule({ imports: [ClusterModule.forRoot({ nodes })] })
      .overrideProvider(ClusterClient)
      .useValue(own);
    await withApp(builder, async (get) => {
      await get(ClusterClient).get(`${keyspace}any`);
    });
    expect(own.status).toBe('ready');
    await own.close();
  });
});
