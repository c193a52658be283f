import { createServer, request as httpRequest } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import {
  Controller,
  ForbiddenException,
  Get,
  Injectable,
  Module,
  UnauthorizedException,
  VersioningType,
  type CanActivate,
  type INestApplication,
  type Type,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import {
  ClusterClient,
  ClusterEntity,
  ClusterModule,
  ClusterRepository,
  getClusterRepositoryToken,
  Index,
  keySlot,
  PrimaryKey,
  Property,
  Subscribe,
} from 'keyslot';
import { map } from 'rxjs';
import { eventually, sharedCluster } from '../cluster-fixture.js';
import { snippetFolder, snippetsOf, typeFaults, writeSnippets } from '../docs-snippets.js';
import { endAll, PLATFORMS, startApp, Watcher } from './dashboard-app.js';

const { nodes, keyspace } = sharedCluster();
const cluster = () => ClusterModule.forRoot({ nodes });

afterEach(endAll);

/** The URLs of all files that the page at this URL loads, and that these load. */
async function filesOf(page: string): Promise<string[]> {
  const html = await (await fetch(page)).text();
  const found = new Set(
    [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url]) => new URL(url, page).href),
  );
  for (const url of found) {
    if (!url.endsWith('.js')) continue;
    const script = await (await fetch(url)).text();
    for (const [, path] of script.matchAll(/\bfrom '(\.[^']+)'/g)) found.add(new URL(path, url).href);
  }
  return [...found];
}

/** Checks that everything works for a browser that opens this URL. */
async function checkPage(page: string): Promise<void> {
  const response = await fetch(page);
  expect({ status: response.status, type: response.headers.get('content-type') }).toEqual({
    status: 200,
    type: 'text/html; charset=utf-8',
  });
  const files = await filesOf(page);
  expect(files.length).toBeGreaterThan(10);
  const types = await Promise.all(
    files.map(async (url) => {
      const { status, headers } = await fetch(url);
      return `${status} ${headers.get('content-type')} ${headers.get('x-content-type-options')}`;
    }),
  );
  expect([...new Set(types)].toSorted()).toEqual([
    '200 image/svg+xml; charset=utf-8 nosniff',
    '200 text/css; charset=utf-8 nosniff',
    '200 text/javascript; charset=utf-8 nosniff',
  ]);
  const script = files.find((url) => url.endsWith('/app.js'))!;
  const watcher = new Watcher(new URL('../events', script).href);
  const { topology } = await watcher.sees(({ cluster: { verdict } }) => verdict === 'up');
  expect(topology.coveredSlots).toBe(16_384);
  watcher.end();
}

describe.each(PLATFORMS)('on %s', (platform) => {
  it('serves a page whose files and stream work, with and without a slash at its end', async () => {
    const { url } = await startApp({ imports: [cluster()], platform });
    await checkPage(`${url}/cluster`);
    await checkPage(`${url}/cluster/`);
    await checkPage(`${url}/cluster?from=bookmark`);
  });

  it('works under a global prefix, with versions in the path, at a path of several parts', async () => {
    const { url } = await startApp({
      imports: [cluster()],
      platform,
      dashboard: { path: 'ops/redis', unguarded: true },
      configure: (app) =>
        app.setGlobalPrefix('api').enableVersioning({ type: VersioningType.URI, defaultVersion: '1' }),
    });
    await checkPage(`${url}/api/ops/redis`);
    expect((await fetch(`${url}/ops/redis`)).status).toBe(404);
  });

  it('works behind a proxy that serves it at another path', async () => {
    const { url } = await startApp({ imports: [cluster()], platform });
    const proxy = createServer((request, response) => {
      const path = request.url!.replace(/^\/team\/store/, '/cluster');
      const upstream = httpRequest(new URL(path, url), (answer) => {
        response.writeHead(answer.statusCode!, answer.headers);
        answer.pipe(response);
      });
      response.on('close', () => upstream.destroy());
      upstream.on('error', () => response.destroy());
      upstream.end();
    });
    await once(proxy.listen(0, '127.0.0.1'), 'listening');
    try {
      await checkPage(`http://127.0.0.1:${(proxy.address() as AddressInfo).port}/team/store/`);
    } finally {
      proxy.closeAllConnections();
      proxy.close();
    }
  });

  it('allows the page to load from its own server only', async () => {
    const { url } = await startApp({ imports: [cluster()], platform });
    const { headers } = await fetch(`${url}/cluster`);
    const policy = headers.get('content-security-policy')!;
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self'");
    expect(policy).not.toContain('unsafe');
    const page = await (await fetch(`${url}/cluster`)).text();
    expect(page).not.toMatch(/https?:|<script>|\sstyle=|\son\w+=/);
  });

  it.each([
    'assets/missing.js',
    'assets/page.html',
    'assets/..%2Fpage.html',
    'assets/LICENSE',
    'elsewhere',
    'a/b',
  ])('answers 404 for %s', async (path) => {
    const { url } = await startApp({ imports: [cluster()], platform });
    expect((await fetch(`${url}/cluster/${path}`)).status).toBe(404);
  });

  it('is not changed by interceptors of the application', async () => {
    const wrap = (app: INestApplication): void => {
      app.useGlobalInterceptors({
        intercept: (_context, next) => next.handle().pipe(map((data) => ({ data }))),
      });
    };
    const { url } = await startApp({ imports: [cluster()], platform, configure: wrap });
    await checkPage(`${url}/cluster`);
  });

  it('ends open streams when the application closes, without waiting for them', async () => {
    const { app, url } = await startApp({ imports: [cluster()], platform });
    const watchers = [1, 2, 3].map(() => new Watcher(`${url}/cluster/events`));
    await Promise.all(watchers.map((watcher) => watcher.sees(() => true)));
    await app.close();
    await Promise.all(watchers.map(({ ended }) => ended));
    await expect(fetch(`${url}/cluster`)).rejects.toThrow();
  });

  it('is not in the API description of @nestjs/swagger', async () => {
    @Controller('orders')
    class OrdersController {
      @Get() find(): string {
        return 'found';
      }
    }
    @Module({ controllers: [OrdersController] })
    class OrdersModule {}
    const { app } = await startApp({ imports: [cluster(), OrdersModule], platform });
    const { paths } = SwaggerModule.createDocument(app, new DocumentBuilder().build());
    expect(Object.keys(paths)).toEqual(['/orders']);
  });

  it('answers HEAD for the stream, and ends', async () => {
    const { url } = await startApp({ imports: [cluster()], platform });
    const response = await fetch(`${url}/cluster/events`, { method: 'HEAD' });
    expect(response.status).toBe(200);
    expect(await response.text()).toBe('');
  });

  describe('with guards', () => {
    const refusing = (error: () => Error): CanActivate => ({
      canActivate: () => {
        throw error();
      },
    });
    const statuses = async (url: string): Promise<number[]> =>
      Promise.all(
        ['', '/', '/assets/app.js', '/events'].map(
          async (path) => (await fetch(`${url}/cluster${path}`)).status,
        ),
      );

    it.each([
      ['returns false', { canActivate: () => false }, 403],
      ['throws an HTTP error', refusing(() => new UnauthorizedException()), 401],
      ['throws another HTTP error', refusing(() => new ForbiddenException()), 403],
      ['fails', refusing(() => new Error('broken')), 500],
    ])('shows nothing if a guard %s', async (_what, guard, status) => {
      const { url } = await startApp({ imports: [cluster()], platform, dashboard: { guards: [guard] } });
      expect(await statuses(url)).toEqual([status, status, status, status]);
    });

    it('runs guards that inject what imported modules export', async () => {
      @Injectable()
      class Keys {
        readonly accepted = 'open sesame';
      }
      @Module({ providers: [Keys], exports: [Keys] })
      class KeysModule {}
      @Injectable()
      class KeyGuard implements CanActivate {
        constructor(private readonly keys: Keys) {}
        canActivate(context: {
          switchToHttp(): { getRequest(): { headers: Record<string, string> } };
        }): boolean {
          return context.switchToHttp().getRequest().headers['x-key'] === this.keys.accepted;
        }
      }
      const dashboard = { guards: [KeyGuard], imports: [KeysModule] };
      const { url } = await startApp({ imports: [cluster()], platform, dashboard });
      expect((await fetch(`${url}/cluster`)).status).toBe(403);
      expect((await fetch(`${url}/cluster`, { headers: { 'x-key': 'open sesame' } })).status).toBe(200);
    });
  });
});

describe('what a viewer receives', () => {
  @ClusterEntity({ name: `DashboardOrder${keyspace.slice(5, 17)}`, changes: true })
  class Order {
    @PrimaryKey() id!: string;
    @Index({ scope: 'global' }) @Property() status!: string;
  }

  @Injectable()
  class Handlers {
    @Subscribe(`${keyspace}secret-channel`) onTold(): void {}
    @Subscribe(`${keyspace}failing`) onFailing(): void {
      throw new Error('secret-error');
    }
  }

  const imports = () => [cluster(), ClusterModule.forFeature([Order])];

  it('has slots, nodes, figures, entities and messages', async () => {
    const { app, url } = await startApp({ imports: imports(), providers: [Handlers] });
    const client = app.get(ClusterClient);
    const watcher = new Watcher(`${url}/cluster/events`);
    await watcher.sees(({ nodes: all }) => all.every(({ state }) => state === 'ok'));
    const orders = app.get<ClusterRepository<Order>>(getClusterRepositoryToken(Order), { strict: false });
    await orders.save(orders.create({ id: '1', status: 'new' }));
    await client.pubsub.publish(`${keyspace}failing`, 1);
    await client.set(`${keyspace}text`, 'a');
    await client.incr(`${keyspace}text`).catch(() => {});
    await watcher.sees(({ messages }) => messages.handlers.some(({ failed }) => failed === 1));
    await watcher.sees(({ samples }) => samples.some(({ errors }) => errors['ERR'] > 0));
    const state = await watcher.sees(
      ({ entities, totals }) => entities.classes.length > 0 && totals.errors['ERR'] === 1,
    );
    const { primaries, replicas } = client.topology;
    expect(state.topology.shards.map(({ primary }) => primary).toSorted()).toEqual(
      primaries.map(({ name }) => name).toSorted(),
    );
    expect(state.nodes).toHaveLength(primaries.length + replicas.length);
    for (const { name, topologyRole, shard, version, memoryBytes, lagBytes, replicasOnline } of state.nodes) {
      expect(name).toMatch(/:\d+$/);
      expect(version).toMatch(/^\d+\.\d+/);
      expect(memoryBytes).toBeGreaterThan(100_000);
      if (topologyRole === 'replica') expect(lagBytes).toEqual(expect.any(Number));
      else expect(replicasOnline).toBe(state.topology.shards[shard].replicas.length);
    }
    const [order] = state.entities.classes;
    expect(order).toMatchObject({
      changes: true,
      indexes: [{ name: 'status', kind: 'index', scope: 'global', fields: ['status'], state: 'ready' }],
    });
    expect(state.entities.operations).toMatchObject({ insert: 1 });
    expect(state.messages.handlers.map(({ handler }) => handler)).toEqual(
      expect.arrayContaining(['Handlers.onTold', 'Handlers.onFailing']),
    );
    expect(state.messages.subscriptions).toMatchObject({ channel: 2 });
    expect(state.log.map(({ text }) => text)).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^Cluster found: \d+ primaries, \d+ replicas, 16384 slots$/),
        '1 call failed with ERR',
      ]),
    );
  });

  it('has the figures of the cache, for a client that has one', async () => {
    const cache = { maxBytes: 1_000_000, maxStaleMs: 5_000 };
    const { app, url } = await startApp({
      imports: [ClusterModule.forRoot({ nodes, cache }), ClusterModule.forRoot({ nodes, name: 'plain' })],
    });
    const client = app.get(ClusterClient);
    const watcher = new Watcher(`${url}/cluster/events`);
    const plain = new Watcher(`${url}/cluster/events?cluster=plain`);
    const view = client.with({ cache: true });
    await watcher.sees(({ samples }) => {
      void view.get(`${keyspace}kept`);
      return samples.some((sample) => sample.cache !== undefined && sample.cache.hits > 0);
    });
    const { hits } = client.cache.stats();
    const seen = await watcher.sees((state) => state.cache !== undefined && state.cache.hits >= hits);
    expect(seen.cache).toMatchObject({ misses: expect.any(Number), entries: 1, evictions: 0 });
    const without = await plain.sees(({ samples }) => samples.length > 0);
    expect(without).not.toHaveProperty('cache');
    expect(without.samples[0]).not.toHaveProperty('cache');
  });

  it('has no keys, no values, and no credentials', async () => {
    const password = 'secret-password';
    const { app, url } = await startApp({ imports: imports(), providers: [Handlers] });
    const client = app.get(ClusterClient);
    const key = `${keyspace}secret-key`;
    const watcher = new Watcher(`${url}/cluster/events`);
    const orders = app.get<ClusterRepository<Order>>(getClusterRepositoryToken(Order), { strict: false });
    await orders.save(orders.create({ id: 'secret-id', status: 'secret-status' }));
    await client.call('auth', password).catch(() => {});
    await client.pubsub.publish(`${keyspace}failing`, 'secret-payload');
    await client.eval("return redis.error_reply('SECRET-CODE secret-text')", 1, key).catch(() => {});
    const slot = keySlot(key);
    // the slot of the key is seen, so the commands were
    await watcher.sees(({ slots }) => {
      void client.set(key, 'secret-value').catch(() => {});
      return slots.slots.some((busy) => busy.slot === slot);
    });
    await watcher.sees(({ totals }) => Object.keys(totals.errors).length > 0);
    expect(watcher.text).not.toMatch(/secret/i);
    await client.del(key);
  });

  it('has the history from before, for a viewer who comes later', async () => {
    const { url } = await startApp({ imports: [cluster()] });
    const first = new Watcher(`${url}/cluster/events`);
    const { samples } = await first.sees((state) => state.samples.length >= 2);
    const second = new Watcher(`${url}/cluster/events`);
    const seen = await second.sees(() => true);
    expect(seen.samples.map(({ at }) => at)).toEqual(expect.arrayContaining(samples.map(({ at }) => at)));
  });

  it('counts none of the reads of the page among the commands of the application', async () => {
    const { app, url } = await startApp({ imports: [cluster()] });
    const watcher = new Watcher(`${url}/cluster/events`);
    await watcher.sees(({ nodes: all }) => all.every(({ state }) => state === 'ok'));
    const { samples } = await watcher.sees((state) => state.samples.length >= 3);
    expect(samples.map(({ commands }) => commands)).toEqual(samples.map(() => 0));
    expect(app.get(ClusterClient).stats().total.errors).toEqual({});
  });

  it('can be of any cluster of the application, by its name', async () => {
    const { url } = await startApp({
      imports: [cluster(), ClusterModule.forRoot({ nodes, name: 'sessions' })],
    });
    const second = new Watcher(`${url}/cluster/events?cluster=sessions`);
    const { cluster: report } = await second.sees(() => true);
    expect(report).toMatchObject({ name: 'sessions', names: ['default', 'sessions'] });
    expect((await fetch(`${url}/cluster/events?cluster=unknown`)).status).toBe(404);
  });
});

describe('many viewers', () => {
  /** The connections of dashboards to the cluster, by node. */
  async function connections(client: ClusterClient, own: ReadonlySet<string>): Promise<string[]> {
    const lists = await client.target('all').call('client', 'list');
    return [...lists.values()]
      .flatMap((list) => String(list).split('\n'))
      .filter((line) => line.includes('name=keyslot-dashboard'))
      .map((line) => /\bid=(\d+) addr=(\S+)/.exec(line)![2])
      .filter((address) => !own.has(address));
  }

  it('share one connection to each node, which ends when the last one leaves', async () => {
    const { app, url } = await startApp({ imports: [cluster()] });
    const client = app.get(ClusterClient);
    // test files run side by side
    const others = new Set(await connections(client, new Set()));
    const watchers = Array.from({ length: 8 }, () => new Watcher(`${url}/cluster/events`));
    await Promise.all(
      watchers.map((one) => one.sees(({ nodes: all }) => all.every(({ state }) => state === 'ok'))),
    );
    expect(await connections(client, others)).toHaveLength(client.topology.nodes.length);
    for (const watcher of watchers.slice(1)) watcher.end();
    await watchers[0].sees(({ samples }) => samples.length > 3);
    expect(await connections(client, others)).toHaveLength(client.topology.nodes.length);
    watchers[0].end();
    await eventually(async () => expect(await connections(client, others)).toHaveLength(0));
    // and the page works again
    await new Watcher(`${url}/cluster/events`).sees(({ nodes: all }) =>
      all.every(({ state }) => state === 'ok'),
    );
  });

  it('beyond a hundred are turned away until others leave', async () => {
    const { url } = await startApp({ imports: [cluster()] });
    const watchers = Array.from({ length: 100 }, () => new Watcher(`${url}/cluster/events`));
    await Promise.all(watchers.map((one) => one.sees(() => true)));
    expect((await fetch(`${url}/cluster/events`)).status).toBe(503);
    watchers[0].end();
    await eventually(async () => {
      const late = new Watcher(`${url}/cluster/events`);
      await Promise.race([late.sees(() => true), late.ended]);
      expect(late.updates).toBeGreaterThan(0);
    });
  });
});

describe('docs/dashboard.md', () => {
  const folder = snippetFolder();
  const environment = { ...process.env };

  afterAll(() => {
    for (const name of ['REDIS_CLUSTER_NODES', 'DASHBOARD_PASSWORD']) {
      if (environment[name] === undefined) delete process.env[name];
      else process.env[name] = environment[name];
    }
  });

  it('shows an application whose browser asks for the password', async () => {
    writeSnippets(snippetsOf('docs/dashboard.md'), folder);
    expect(await typeFaults(folder, ['app.module.ts'])).toBe('');
    process.env.REDIS_CLUSTER_NODES = nodes.map(({ host, port }) => `${host}:${port}`).join();
    const { AppModule } = (await import(join(folder, 'app.module.ts'))) as { AppModule: Type };
    const app = await NestFactory.create(AppModule, { logger: false, abortOnError: false });
    try {
      await app.listen(0, '127.0.0.1');
      const url = `${await app.getUrl()}/cluster`;
      const asked = async (password?: string): Promise<[number, string | null]> => {
        const authorization = `Basic ${Buffer.from(`admin:${password}`).toString('base64')}`;
        const { status, headers } = await fetch(
          url,
          password === undefined ? {} : { headers: { authorization } },
        );
        return [status, headers.get('www-authenticate')];
      };
      // no password is set
      expect(await asked('undefined')).toEqual([401, 'Basic realm="Dashboard"']);
      process.env.DASHBOARD_PASSWORD = 'of the operators';
      expect(await asked()).toEqual([401, 'Basic realm="Dashboard"']);
      expect(await asked('another one')).toEqual([401, 'Basic realm="Dashboard"']);
      expect(await asked('of the operators')).toEqual([200, null]);
    } finally {
      await app.close();
    }
  });
});
