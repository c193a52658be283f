/** @jest-environment ./test/neighbours/node-environment.mjs */
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CACHE_MANAGER, CacheModule, type Cache } from '@nestjs/cache-manager';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import type * as Throttler from '@nestjs/throttler';
import { createShardedAdapter } from '@socket.io/redis-adapter';
import { Queue, Worker, type ConnectionOptions } from 'bullmq';
import sessions, { Store, type SessionData } from 'express-session';
import { ClusterClient, ClusterModule } from 'keyslot';
import { ClusterKeyvStore } from 'keyslot/cache';
import { ClusterThrottlerStorage } from 'keyslot/throttler';
import { ClusterTestingModule, LocalCluster, TestKeyspace } from 'keyslot/testing';
import { Server } from 'socket.io';
import { eventually } from '../cluster-fixture.js';

declare const requireOutsideJest: <T>(name: string) => T;
const { ThrottlerModule } = requireOutsideJest<typeof Throttler>('@nestjs/throttler');

/** Code without what a formatter decides by the width that is left. */
const squeezed = (code: string): string => code.replace(/\s+/g, '').replace(/,(?=[\]})])/g, '');

// Every block of the page stands in this file as it stands there; what is behind it shows that it does what it says.
describe('docs/integrations.md', () => {
  let local: LocalCluster;
  let cluster: ClusterClient;

  beforeAll(async () => {
    local = await LocalCluster.start({ replicasPerPrimary: 0 });
    cluster = new ClusterClient({ nodes: local.seeds });
  });
  afterAll(async () => {
    await cluster?.close();
    await local?.stop();
  });

  it('shows only code that is executed here', () => {
    const page = readFileSync(new URL('../../docs/integrations.md', import.meta.url), 'utf8');
    const here = squeezed(readFileSync(new URL(import.meta.url), 'utf8'));
    const blocks = [...page.matchAll(/^```ts\n(.*?)^```/gms)].map(([, code]) => code);
    expect(blocks).toHaveLength(7);
    expect(blocks.filter((code) => !here.includes(squeezed(code)))).toEqual([]);
  });

  it('runs the jobs of the page', async () => {
    const sent: string[] = [];
    const connection = cluster as unknown as ConnectionOptions;
    const queue = new Queue('mail', { connection, prefix: '{mail}' });
    const worker = new Worker('mail', async ({ data }) => sent.push(data.to), {
      connection,
      prefix: '{mail}',
    });
    await queue.add('welcome', { to: 'ada@example.org' });
    await eventually(() => expect(sent).toEqual(['ada@example.org']));
    await worker.close();
    await queue.close();
  });

  it('runs jobs although the client has a key prefix, also in ClusterTestingModule', async () => {
    @Injectable()
    class QueueConnection implements OnApplicationShutdown {
      readonly client: ClusterClient;
      readonly prefix: string;

      constructor(shared: ClusterClient) {
        this.client = shared.duplicate({ keyPrefix: '' });
        this.prefix = `{${shared.options.keyPrefix}queues}`;
      }

      async onApplicationShutdown(): Promise<void> {
        await this.client.close();
      }
    }
    const app = await Test.createTestingModule({
      imports: [ClusterTestingModule.forRoot({ nodes: local.seeds })],
      providers: [QueueConnection],
    }).compile();
    await app.init();
    const prefixed = app.get(ClusterClient) as unknown as ConnectionOptions;
    const rejected = (): Queue => new Queue('orders', { connection: prefixed, prefix: '{app}' });
    expect(rejected).toThrow(/prefix/);

    const queues = app.get(QueueConnection);
    const { prefix: keyspace } = app.get(TestKeyspace);
    const connection = queues.client as unknown as ConnectionOptions;
    const orders = new Queue('orders', { connection, prefix: queues.prefix });
    const done: string[] = [];
    const worker = new Worker('orders', async ({ name }) => done.push(name), {
      connection,
      prefix: queues.prefix,
    });
    await orders.add('paid', {});
    await eventually(() => expect(done).toEqual(['paid']));
    expect(await cluster.exists(`{${keyspace}queues}:orders:meta`)).toBe(1);
    await worker.close();
    await orders.obliterate({ force: true });
    await orders.close();
    await app.close();
    expect(queues.client.status).toBe('end');

    const other = cluster.duplicate({ keyPrefix: 'app:' });
    for (const keyPrefix of ['', undefined])
      expect(other.duplicate({ keyPrefix }).options.keyPrefix).toBe('');
  });

  it('has sessions of connect-redis that scans do not find under a prefix', async () => {
    const prefixed = cluster.duplicate({ keyPrefix: 'app:' });
    await prefixed.set('sess:9', '{}');
    const scan = async (client: ClusterClient, match: string): Promise<string[]> =>
      ((await client.call('SCAN', '0', 'MATCH', match, 'COUNT', '10000')) as [string, string[]])[1];
    expect(await scan(prefixed, 'sess:*')).toEqual([]);
    await prefixed.unlink('sess:9');
    await prefixed.close();
  });

  it('provides what connect-redis needs', async () => {
    const client = {
      get: (key: string) => cluster.get(key),
      set: (...args: [key: string, value: string, ex: 'EX', seconds: number]) => cluster.set(...args),
      expire: (key: string, seconds: number) => cluster.expire(key, seconds),
      del: (keys: string[]) => cluster.del(keys),
      mget: (keys: string[]) => cluster.nonAtomic.mget(keys),
      scan: (cursor: string, ...words: string[]) => cluster.call('SCAN', cursor, ...words),
    };
    expect('scanIterator' in client).toBe(false);
    const keys = ['sess:1', 'sess:2', 'sess:3'];
    for (const key of keys) await client.set(key, '{}', 'EX', 60);
    expect([await client.get('sess:1'), await client.expire('sess:1', 90)]).toEqual(['{}', 1]);
    expect(await client.mget(keys)).toEqual(['{}', '{}', '{}']);
    const found: string[] = [];
    let cursor = '0';
    do {
      const [next, some] = (await client.scan(cursor, 'MATCH', 'sess:*', 'COUNT', '100')) as [
        string,
        string[],
      ];
      found.push(...some);
      cursor = next;
    } while (cursor !== '0');
    expect(found.toSorted()).toEqual(keys);
    expect(await client.del(keys)).toBe(3);
  });

  it('runs the Socket.IO adapter of the page', async () => {
    const http: HttpServer = createServer();
    const adapter = createShardedAdapter(cluster, cluster.duplicate());
    const server = new Server(http, { adapter });
    await eventually(async () => expect(await cluster.pubsub.shardChannels('socket.io#*')).not.toEqual([]));
    const { subClient } = server.of('/').adapter as unknown as { subClient: ClusterClient };
    await server.close();
    await subClient.close();
  });

  it('runs the sessions of the page', async () => {
    class ClusterSessionStore extends Store {
      constructor(private readonly client: ClusterClient) {
        super();
      }

      override get(sid: string, done: (error: unknown, session?: SessionData | null) => void): void {
        this.client
          .get(`session:${sid}`)
          .then((text) => done(null, text === null ? null : JSON.parse(text)), done);
      }

      override set(sid: string, session: SessionData, done?: (error?: unknown) => void): void {
        const ttl = session.cookie.maxAge ?? 86_400_000;
        if (ttl <= 0) return this.destroy(sid, done);
        this.client.set(`session:${sid}`, JSON.stringify(session), 'PX', ttl).then(() => done?.(), done);
      }

      override touch(sid: string, { cookie }: SessionData, done?: (error?: unknown) => void): void {
        const ttl = cookie.maxAge ?? 86_400_000;
        this.client.pexpire(`session:${sid}`, ttl).then(() => done?.(), done);
      }

      override destroy(sid: string, done?: (error?: unknown) => void): void {
        this.client.unlink(`session:${sid}`).then(() => done?.(), done);
      }
    }
    type Seen = IncomingMessage & {
      session: SessionData & { visits?: number; destroy(done: () => void): void };
    };
    const middleware = sessions({
      store: new ClusterSessionStore(cluster),
      secret: 's',
      resave: false,
      saveUninitialized: false,
      rolling: true,
      cookie: { maxAge: 60_000 },
    }) as unknown as (request: unknown, response: unknown, next: () => void) => void;
    const http = createServer((request, response) => {
      middleware(request, response, () => {
        const { session: mine } = request as Seen;
        if (request.url === '/leave') return mine.destroy(() => response.end('left'));
        if (request.url === '/look') return response.end(String(mine.visits));
        mine.visits = (mine.visits ?? 0) + 1;
        if (request.url === '/last') mine.cookie.maxAge = 0;
        response.end(String(mine.visits));
      });
    });
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
    const first = await fetch(url);
    const headers = { cookie: first.headers.getSetCookie()[0].split(';')[0] };
    const visits = [await first.text()];
    for (const path of ['/', '/leave', '/']) visits.push(await (await fetch(url + path, { headers })).text());
    expect(visits).toEqual(['1', '2', 'left', '1']);

    // a session that is only looked at lives on; one whose cookie ends at once is gone
    const again = await fetch(url);
    const [, sid] = /s%3A([^.]+)\./.exec(again.headers.getSetCookie()[0]) as unknown as [string, string];
    const cookie = again.headers.getSetCookie()[0].split(';')[0];
    await cluster.pexpire(`session:${sid}`, 20_000);
    expect(await (await fetch(`${url}/look`, { headers: { cookie } })).text()).toBe('1');
    await eventually(async () => expect(await cluster.pttl(`session:${sid}`)).toBeGreaterThan(20_000));
    expect(await (await fetch(`${url}/last`, { headers: { cookie } })).text()).toBe('2');
    await eventually(async () => expect(await cluster.exists(`session:${sid}`)).toBe(0));
    await new Promise((resolve) => http.close(resolve));
  });

  it('runs the cache of the page', async () => {
    const caching = CacheModule.registerAsync({
      isGlobal: true,
      inject: [ClusterClient],
      useFactory: (client: ClusterClient) => ({ stores: [new ClusterKeyvStore(client)], ttl: 60_000 }),
    });
    const app = await Test.createTestingModule({
      imports: [ClusterModule.forRoot({ nodes: local.seeds }), caching],
    }).compile();
    await app.get<Cache>(CACHE_MANAGER).set('k', { n: 1 });
    expect(await app.get<Cache>(CACHE_MANAGER).get('k')).toEqual({ n: 1 });
    expect(await cluster.pttl('cache:k')).toBeGreaterThan(0);
    await app.close();
  });

  it('runs the throttler of the page', async () => {
    const throttling = ThrottlerModule.forRootAsync({
      inject: [ClusterClient],
      useFactory: (client: ClusterClient) => ({
        throttlers: [{ ttl: 60_000, limit: 100 }],
        storage: new ClusterThrottlerStorage(client),
      }),
    });
    const made = throttling.providers?.map((one) => (one as { useFactory?: unknown }).useFactory);
    const factory = made?.find((one) => String(one).includes('ClusterThrottlerStorage'));
    const { storage } = (factory as (client: ClusterClient) => { storage: ClusterThrottlerStorage })(cluster);
    expect(await storage.increment('k', 60_000, 100, 0, 'default')).toMatchObject({ totalHits: 1 });
  });
});
