import {
  Injectable,
  Module,
  type ModuleMetadata,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
  type Type,
} from '@nestjs/common';
import { LazyModuleLoader, NestFactory } from '@nestjs/core';
import { Transport } from '@nestjs/microservices';
import { Test } from '@nestjs/testing';
import { setImmediate as turn } from 'node:timers/promises';
import {
  ClusterClient,
  ClusterHandlers,
  ClusterModule,
  InvalidArgumentError,
  Payload,
  Subscribe,
  UnknownClusterError,
} from 'keyslot';
import { eventually, sharedCluster } from '../cluster-fixture.js';
import { RecordedLog } from './nest-recorded-log.js';

const { nodes, keyspace } = sharedCluster();
const named = (name: string): string => `${keyspace}${name}`;

/** What the parts of an application have noted. */
let seen: string[];
let publisher: ClusterClient;
beforeEach(() => (seen = []));
beforeAll(async () => {
  publisher = new ClusterClient({ nodes });
  await publisher.connect();
});
afterAll(() => publisher.close());

const publish = (channel: string, payload: unknown): Promise<number> =>
  publisher.pubsub.publish(named(channel), payload);

/** How many handlers of an application would get what is published to a channel. */
const subscribers = async (channel: string): Promise<number> =>
  (await publisher.pubsub.numsub(named(channel))).get(named(channel))!;

/** A promise that is settled by hand. */
function gate() {
  let open!: () => void;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

/** A root module with a cluster and these parts; the order of imports must not matter. */
function rootModule(parts: ModuleMetadata, clusterFirst = true): Type {
  const cluster = ClusterModule.forRoot({ nodes });
  const others = parts.imports ?? [];
  @Module({ ...parts, imports: clusterFirst ? [cluster, ...others] : [...others, cluster] })
  class Root {}
  return Root;
}

/** A handler in a module of its own that uses a provider of another one. */
function handlerOf(channel: string, provider: Type): Type {
  @Module({ providers: [provider], exports: [provider] })
  class ProviderModule {}
  @Injectable()
  class Orders {
    @Subscribe(named(channel))
    on(@Payload() payload: string): void {
      seen.push(`handled ${payload}`);
    }
  }
  @Module({ imports: [ProviderModule], providers: [Orders] })
  class Feature {}
  return Feature;
}

describe.each([
  ['first', true],
  ['last', false],
])('handlers, with ClusterModule imported %s', (_which, clusterFirst) => {
  it('are subscribed after every onApplicationBootstrap hook, and not before', async () => {
    const { opened, open } = gate();
    @Injectable()
    class Prices implements OnApplicationBootstrap {
      async onApplicationBootstrap(): Promise<void> {
        seen.push(`loading, ${await subscribers('start')} subscribed`);
        await opened;
        seen.push(`loaded, ${await subscribers('start')} subscribed`);
      }
    }
    const root = rootModule({ imports: [handlerOf('start', Prices)] }, clusterFirst);
    const starting = NestFactory.createApplicationContext(root, { logger: false, abortOnError: false });
    await eventually(() => expect(seen).toHaveLength(1));
    open();
    const app = await starting;
    expect(seen).toEqual(['loading, 0 subscribed', 'loaded, 0 subscribed']);
    expect(await subscribers('start')).toBe(1);
    await app.close();
  });

  it('are never subscribed if one of these hooks fails', async () => {
    @Injectable()
    class Prices implements OnApplicationBootstrap {
      onApplicationBootstrap(): void {
        throw new Error('no prices');
      }
    }
    const root = rootModule({ imports: [handlerOf('failed-start', Prices)] }, clusterFirst);
    const app = await NestFactory.create(root, { logger: false, abortOnError: false });
    await expect(app.init()).rejects.toThrow('no prices');
    await eventually(async () => expect(await subscribers('failed-start')).toBe(0));
    await app.close();
  });

  it('are unsubscribed before the first onModuleDestroy of their dependencies', async () => {
    @Injectable()
    class Database implements OnModuleDestroy {
      async onModuleDestroy(): Promise<void> {
        // the server may take a moment to do what was sent; what comes later than this hook never comes
        await eventually(async () => (await subscribers('end')) === 0);
        seen.push('closing, 0 subscribed');
      }
    }
    const root = rootModule({ imports: [handlerOf('end', Database)] }, clusterFirst);
    const app = await NestFactory.createApplicationContext(root, { logger: false });
    expect(await subscribers('end')).toBe(1);
    await app.close();
    expect(seen).toEqual(['closing, 0 subscribed']);
  });
});

describe('handlers of an application that shuts down', () => {
  it('finish received messages before their dependencies are destroyed', async () => {
    const { opened, open } = gate();
    let up = true;
    @Injectable()
    class Database implements OnModuleDestroy {
      onModuleDestroy(): void {
        up = false;
      }
    }
    @Injectable()
    class Orders {
      @Subscribe(named('finish'))
      async on(@Payload() n: number): Promise<void> {
        if (n === 0) await opened;
        seen.push(`${n} ${up ? 'up' : 'down'}`);
      }
    }
    const app = await NestFactory.createApplicationContext(rootModule({ providers: [Orders, Database] }), {
      logger: false,
    });
    for (const n of [0, 1, 2]) await publish('finish', n);
    await eventually(() => expect(app.get(ClusterHandlers).statistics[0].waiting).toBe(2));
    const closed = app.close();
    await eventually(async () => expect(await subscribers('finish')).toBe(0));
    open();
    await closed;
    expect(seen).toEqual(['0 up', '1 up', '2 up']);
  });

  it('start no message once the application is closed', async () => {
    const { opened, open } = gate();
    const log = new RecordedLog();
    @Injectable()
    class Orders {
      @Subscribe(named('late'))
      async on(@Payload() n: number): Promise<void> {
        seen.push(`begun ${n}`);
        await opened;
      }
    }
    const app = await NestFactory.createApplicationContext(rootModule({ providers: [Orders] }), {
      logger: log,
    });
    for (const n of [0, 1, 2]) await publish('late', n);
    await eventually(() => expect(app.get(ClusterHandlers).statistics[0].waiting).toBe(2));
    await app.close();
    open();
    for (let i = 0; i < 20; i++) await turn();
    expect(seen).toEqual(['begun 0']);
    expect(log.text).toContain('Orders.on was left with 3 messages unfinished');
  });
});

describe('handlers are subscribed once', () => {
  @Injectable()
  class Orders {
    @Subscribe(named('once'))
    on(@Payload() payload: string): void {
      seen.push(payload);
    }
  }

  it('by a microservice that is initialized before it listens', async () => {
    const app = await NestFactory.createMicroservice(rootModule({ providers: [Orders] }), {
      transport: Transport.TCP,
      options: { port: 0 },
      logger: false,
    });
    await app.init();
    await app.listen();
    await publish('once', 'one');
    await publish('once', 'two');
    await eventually(() => expect(seen).toContain('two'));
    expect(seen).toEqual(['one', 'two']);
    expect(app.get(ClusterHandlers).statistics).toHaveLength(1);
    await app.close();
  });

  it('by a testing module and the application created from it', async () => {
    const compiled = await Test.createTestingModule({
      imports: [rootModule({ providers: [Orders] })],
    }).compile();
    await compiled.init();
    const app = await compiled.createNestApplication().init();
    await publish('once', 'one');
    await publish('once', 'two');
    await eventually(() => expect(seen).toContain('two'));
    expect(seen).toEqual(['one', 'two']);
    await app.close();
  });
});

describe('a lazily loaded module', () => {
  @Injectable()
  class Late {
    @Subscribe(named('lazy'))
    on(@Payload() payload: string): void {
      seen.push(payload);
    }
  }
  @Module({ providers: [Late] })
  class LateModule {}

  it('has its handlers subscribed by ClusterHandlers.load()', async () => {
    const app = await NestFactory.createApplicationContext(rootModule({}), { logger: false });
    await app.get(LazyModuleLoader).load(() => LateModule);
    const handlers = app.get(ClusterHandlers);
    await Promise.all([handlers.load(), handlers.load()]);
    await publish('lazy', 'one');
    await publish('lazy', 'two');
    await eventually(() => expect(seen).toContain('two'));
    expect(seen).toEqual(['one', 'two']);
    await app.close();
    expect(await subscribers('lazy')).toBe(0);
  });

  it('has none of them subscribed if one of them cannot be', async () => {
    @Injectable()
    class Wrong {
      @Subscribe(named('wrong'), { cluster: 'nowhere' })
      on(): void {}
    }
    @Module({ providers: [Late, Wrong] })
    class WrongModule {}
    const app = await NestFactory.createApplicationContext(rootModule({}), { logger: false });
    await app.get(LazyModuleLoader).load(() => WrongModule);
    const handlers = app.get(ClusterHandlers);
    await expect(handlers.load()).rejects.toBeInstanceOf(UnknownClusterError);
    await eventually(async () => expect(await subscribers('lazy')).toBe(0));
    expect(handlers.statistics).toEqual([]);
    // the application goes on
    expect(await app.get(ClusterClient).ping()).toBe('PONG');
    await app.close();
  });
});

describe('a handler that cannot be called as written', () => {
  it.each([
    ['stands on a method named by a symbol', () => Subscribe('a')({}, Symbol('on'), { value: () => {} })],
    ['works on a fraction of a message', () => Subscribe('a', { concurrency: 1.5 })],
  ])('is rejected if it %s', (_what, decorate) => {
    expect(decorate).toThrow(InvalidArgumentError);
  });
});

it('keeps the log short if a handler and a gap have many names', async () => {
  const names = Array.from({ length: 500 }, (_, i) => named(`many:${i}`));
  const log = new RecordedLog();
  @Injectable()
  class Orders {
    @Subscribe(names)
    on(): void {}
  }
  const app = await NestFactory.createApplicationContext(rootModule({ providers: [Orders] }), {
    logger: log,
  });
  for (const node of publisher.nodes('master')) {
    const clients = String(await node.call('CLIENT', 'LIST', 'TYPE', 'pubsub'));
    // the cluster is shared with others
    const own = [...clients.matchAll(/^id=(\d+) .* sub=\d{3} /gm)].map(([, id]) => id);
    await Promise.all(own.map((id) => node.call('CLIENT', 'KILL', 'ID', id)));
  }
  await eventually(() => expect(log.text).toContain('was cut off'));
  const lines = log.lines.filter((line) => line.includes('many:'));
  expect(lines.length).toBeGreaterThan(1);
  for (const line of lines) expect(line.length).toBeLessThan(1_000);
  expect(log.text).toMatch(/Mapped channel \{.* and 495 more\} to Orders\.on/);
  await app.close();
});
