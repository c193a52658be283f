import {
  Global,
  Injectable,
  Module,
  type BeforeApplicationShutdown,
  type OnApplicationShutdown,
  type OnModuleDestroy,
  type OnModuleInit,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import {
  AuthenticationError,
  ClusterClient,
  ClusterModule,
  getClusterToken,
  InjectCluster,
  TopologyError,
} from 'keyslot';
import { eventually, sharedCluster } from '../cluster-fixture.js';
import { RecordedLog } from './nest-recorded-log.js';

const { nodes, keyspace } = sharedCluster();
const UNREACHABLE = { nodes: ['127.0.0.1:1'], startupTimeoutMs: 300 };

/** How many sockets this process has open. */
const openSockets = (): number =>
  process.getActiveResourcesInfo().filter((resource) => resource === 'TCPSocketWrap').length;

describe('an application that starts', () => {
  it('has its clients connected when its first onModuleInit runs', async () => {
    const seen: string[] = [];
    @Injectable()
    class Users implements OnModuleInit {
      constructor(
        private readonly cluster: ClusterClient,
        @InjectCluster('cache') private readonly cache: ClusterClient,
      ) {}
      onModuleInit(): void {
        seen.push(this.cluster.status, this.cache.status);
      }
    }
    @Module({ providers: [Users] })
    class Early {}
    const imports = [
      Early,
      ClusterModule.forRootAsync({ isGlobal: true, useFactory: () => ({ nodes }) }),
      ClusterModule.forRoot({ nodes, name: 'cache' }),
    ];
    const app = await Test.createTestingModule({ imports }).compile();
    expect(app.get(ClusterClient).status).toBe('wait');
    await app.init();
    expect(seen).toEqual(['ready', 'ready']);
    await app.close();
  });

  it('allows a provider factory to use the client, whose first command connects', async () => {
    const key = `${keyspace}factory`;
    const imports = [ClusterModule.forRoot({ nodes })];
    const greeting = {
      provide: 'greeting',
      inject: [ClusterClient],
      useFactory: async (cluster: ClusterClient) => {
        await cluster.set(key, 'hello');
        return cluster.get(key);
      },
    };
    const app = await Test.createTestingModule({ imports, providers: [greeting] }).compile();
    await app.init();
    expect(app.get('greeting')).toBe('hello');
    await app.close();
  });

  it('logs what it is connected to', async () => {
    const log = new RecordedLog();
    const app = await Test.createTestingModule({ imports: [ClusterModule.forRoot({ nodes })] })
      .setLogger(log)
      .compile();
    await app.init();
    expect(log.text).toMatch(/log ClusterModule Cluster 'default' is connected: 3 primaries/);
    await app.close();
  });

  it('starts without its cluster if lazyConnect is set', async () => {
    const imports = [ClusterModule.forRoot({ ...UNREACHABLE, lazyConnect: true })];
    const app = await Test.createTestingModule({ imports }).compile();
    await app.init();
    expect(app.get(ClusterClient).status).toBe('wait');
    await app.close();
    expect(app.get(ClusterClient).status).toBe('end');
  });
});

describe('an application that shuts down', () => {
  it('can use its clients in every hook, and closes them last', async () => {
    const answers: string[] = [];
    @Injectable()
    class Users implements OnModuleDestroy, BeforeApplicationShutdown, OnApplicationShutdown {
      constructor(private readonly cluster: ClusterClient) {}
      private async note(hook: string): Promise<void> {
        answers.push(`${hook} ${await this.cluster.ping()}`);
      }
      onModuleDestroy = () => this.note('destroy');
      beforeApplicationShutdown = () => this.note('before');
      onApplicationShutdown = () => this.note('shutdown');
    }
    const imports = [ClusterModule.forRoot({ nodes }), ClusterModule.forRoot({ nodes, name: 'cache' })];
    const app = await Test.createTestingModule({ imports, providers: [Users] }).compile();
    await app.init();
    const clients = [app.get(ClusterClient), app.get<ClusterClient>(getClusterToken('cache'))];
    await app.close();
    expect(answers).toEqual(['destroy PONG', 'before PONG', 'shutdown PONG']);
    expect(clients.map((client) => client.status)).toEqual(['end', 'end']);
  });

  it('does not affect another application in the process', async () => {
    @Module({ imports: [ClusterModule.forRoot({ nodes })] })
    class AppModule {}
    const start = async () => {
      const app = await NestFactory.createApplicationContext(AppModule, { logger: false });
      return { app, cluster: app.get(ClusterClient) };
    };
    const [one, other] = await Promise.all([start(), start()]);
    expect(one.cluster).not.toBe(other.cluster);
    await one.app.close();
    expect(one.cluster.status).toBe('end');
    expect(await other.cluster.ping()).toBe('PONG');
    await other.app.close();
  });

  it('closes clients that only a compiled test has used', async () => {
    const app = await Test.createTestingModule({ imports: [ClusterModule.forRoot({ nodes })] }).compile();
    expect(await app.get(ClusterClient).ping()).toBe('PONG');
    await app.close();
    expect(app.get(ClusterClient).status).toBe('end');
  });
});

describe('an application that is closed while it still connects', () => {
  // Nest waits for the hooks of the start before it calls those of the end
  it('ends once `startupTimeoutMs` is over, and leaves nothing open', async () => {
    const before = openSockets();
    // takes connections, and says nothing
    const silent = createServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const accepted: Socket[] = [];
    silent.on('connection', (socket) => accepted.push(socket));
    const { port } = silent.address() as AddressInfo;
    const imports = [ClusterModule.forRoot({ nodes: [`127.0.0.1:${port}`], startupTimeoutMs: 500 })];
    const app = await Test.createTestingModule({ imports }).compile();
    const started = app.init().then(
      () => 'started',
      (error: Error) => error,
    );
    await eventually(() => accepted.length > 0);
    await app.close();
    expect(await started).toBeInstanceOf(TopologyError);
    expect(app.get(ClusterClient).status).toBe('end');
    for (const socket of accepted) socket.destroy();
    silent.close();
    await eventually(() => openSockets() <= before);
  });
});

describe('an application that cannot start', () => {
  it.each([
    ['no node can be reached', () => UNREACHABLE, TopologyError, 'NO_NODE_REACHABLE'],
    [
      'its password is wrong',
      () => ({ nodes, username: 'u', password: 'secret' }),
      AuthenticationError,
      'AUTHENTICATION_FAILED',
    ],
  ])('rejects with a typed error if %s, and leaves nothing open', async (_why, options, type, code) => {
    const before = openSockets();
    const imports = [
      ClusterModule.forRoot({ nodes, name: 'sound' }),
      ClusterModule.forRootAsync({ useFactory: () => ({ ...options() }) }),
    ];
    const app = await Test.createTestingModule({ imports }).compile();
    const error = await app.init().then(
      () => undefined,
      (reason: Error) => reason,
    );
    expect(error).toBeInstanceOf(type);
    expect(error).toMatchObject({ code });
    expect(String(error)).not.toContain('secret');
    expect(app.get<ClusterClient>(getClusterToken('sound')).status).toBe('end');
    expect(app.get(ClusterClient).status).toBe('end');
    await eventually(() => openSockets() <= before);
  });

  it('has not connected yet if another provider fails', async () => {
    const before = openSockets();
    let cluster: ClusterClient | undefined;
    @Injectable()
    class Faulty {
      constructor(injected: ClusterClient) {
        cluster = injected;
        throw new Error('faulty');
      }
    }
    const imports = [ClusterModule.forRoot({ nodes })];
    await expect(Test.createTestingModule({ imports, providers: [Faulty] }).compile()).rejects.toThrow(
      'faulty',
    );
    expect(cluster?.status).toBe('wait');
    expect(openSockets()).toBeLessThanOrEqual(before);
  });

  it('rejects rather than ends the process if NestFactory is used with its defaults', async () => {
    @Module({ imports: [ClusterModule.forRoot(UNREACHABLE)] })
    class AppModule {}
    await expect(NestFactory.createApplicationContext(AppModule, { logger: false })).rejects.toBeInstanceOf(
      TopologyError,
    );
  });

  it('logs that it is waiting', async () => {
    const log = new RecordedLog();
    const imports = [ClusterModule.forRoot({ ...UNREACHABLE, startupTimeoutMs: 2_500 })];
    const app = await Test.createTestingModule({ imports }).setLogger(log).compile();
    await expect(app.init()).rejects.toBeInstanceOf(TopologyError);
    expect(log.text).toMatch(/warn ClusterModule Still waiting for cluster 'default' after 2 s/);
  });
});

it('connects before the hooks of a global module that is imported after it', async () => {
  let status: string | undefined;
  @Global()
  @Module({})
  class Shared implements OnModuleInit {
    constructor(private readonly cluster: ClusterClient) {}
    onModuleInit(): void {
      ({ status } = this.cluster);
    }
  }
  const app = await Test.createTestingModule({
    imports: [ClusterModule.forRoot({ nodes }), Shared],
  }).compile();
  await app.init();
  expect(status).toBe('ready');
  await app.close();
});
