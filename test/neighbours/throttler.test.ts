/** @jest-environment ./test/neighbours/node-environment.mjs */
import type * as Nest from '@nestjs/common';
import type * as NestCore from '@nestjs/core';
import type * as Throttler from '@nestjs/throttler';
import type { ThrottlerStorage } from '@nestjs/throttler';
import { ClusterClient } from 'keyslot';
import { ClusterThrottlerStorage } from 'keyslot/throttler';
import { eventually, sharedCluster } from '../cluster-fixture.js';

declare const requireOutsideJest: <T>(name: string) => T;
const { Controller, Get, Module } = requireOutsideJest<typeof Nest>('@nestjs/common');
const { APP_GUARD, NestFactory } = requireOutsideJest<typeof NestCore>('@nestjs/core');
const { ThrottlerGuard, ThrottlerModule, ThrottlerStorageService } =
  requireOutsideJest<typeof Throttler>('@nestjs/throttler');

const { nodes, keyspace } = sharedCluster();
let cluster: ClusterClient;
let storage: ClusterThrottlerStorage;
const memory = new ThrottlerStorageService();

beforeAll(() => {
  cluster = new ClusterClient({ nodes });
  storage = new ClusterThrottlerStorage(cluster, { prefix: keyspace });
});
afterAll(async () => {
  memory.onApplicationShutdown();
  await cluster?.close();
});

type Hit = [ttl: number, limit: number, blockDuration: number];

/** What a storage says of hits in a row. */
async function hits(where: ThrottlerStorage, key: string, hit: Hit, times: number): Promise<unknown[]> {
  const records = [];
  for (let i = 0; i < times; i++) records.push(await where.increment(key, ...hit, 'default'));
  // the storage in memory counts from 1970 where there is no block
  return records.map((one) => ({ ...one, timeToBlockExpire: Math.max(0, one.timeToBlockExpire) }));
}

describe('ClusterThrottlerStorage', () => {
  // windows are long, so that no second passes between the two
  it.each<[string, Hit]>([
    ['a block', [600_500, 3, 900_500]],
    ['no block', [600_500, 3, 0]],
    ['a limit of none', [600_500, 0, 900_500]],
    ['a limit of none and no block', [600_500, 0, 0]],
  ])('returns the same results as the in-memory storage: %s', async (title, hit) => {
    expect(await hits(storage, title, hit, 6)).toEqual(await hits(memory, title, hit, 6));
  });

  it('allows requests again once the block is over, as the in-memory storage does', async () => {
    for (const where of [storage, memory]) {
      await hits(where, 'over', [600_000, 1, 300], 2);
      expect(await where.increment('over', 600_000, 1, 300, 'default')).toMatchObject({ isBlocked: true });
      const record = await eventually(async () => {
        const next = await where.increment('over', 600_000, 1, 300, 'default');
        return next.isBlocked ? false : next;
      });
      expect(record).toMatchObject({ totalHits: 1, timeToExpire: 600 });
    }
  });

  it('forgets hits when they expire, and leaves no keys behind', async () => {
    await hits(storage, 'short', [200, 5, 200], 3);
    await eventually(async () => {
      const left: string[] = [];
      for await (const key of cluster.scanIterator({ match: `${keyspace}*short*` })) left.push(key);
      return left.length === 0;
    });
    expect(await storage.increment('short', 200, 5, 200, 'default')).toMatchObject({ totalHits: 1 });
  });

  it('counts every hit once, per throttler and key, shared between instances', async () => {
    const others = [storage, new ClusterThrottlerStorage(cluster, { prefix: keyspace })];
    const records = await Promise.all(
      Array.from({ length: 200 }, (_, i) =>
        others[i % 2].increment('busy', 60_000, 1_000, 60_000, 'default'),
      ),
    );
    expect(new Set(records.map(({ totalHits }) => totalHits)).size).toBe(200);
    const strange = ['busy}', '{busy}', '%7Bbusy%7D', ''];
    for (const key of strange)
      expect(await storage.increment(key, 60_000, 9, 0, 'x')).toMatchObject({ totalHits: 1 });
    expect(await storage.increment('busy', 60_000, 9, 0, 'other')).toMatchObject({ totalHits: 1 });
  });

  it.each([
    ['cluster', () => new ClusterThrottlerStorage({} as ClusterClient)],
    ['prefix', () => new ClusterThrottlerStorage(cluster, { prefix: '{x}' })],
    ['prefx', () => new ClusterThrottlerStorage(cluster, { prefx: 'x' } as object)],
    ['options', () => new ClusterThrottlerStorage(cluster, null as unknown as object)],
  ])('rejects a wrong %s', (argument, make) => {
    expect(make).toThrow(expect.objectContaining({ argument, code: 'INVALID_ARGUMENT' }));
  });

  it.each<[string, Hit]>([
    ['ttl', [0, 1, 1]],
    ['limit', [1, NaN, 1]],
    ['blockDuration', [1, 1, -1]],
  ])('rejects a wrong %s', async (argument, hit) => {
    await expect(storage.increment('k', ...hit, 'default')).rejects.toMatchObject({ argument });
  });
});

it('ThrottlerGuard limits callers across all processes', async () => {
  @Controller()
  class Hello {
    @Get()
    hello(): string {
      return 'hello';
    }
  }
  @Module({
    imports: [
      ThrottlerModule.forRootAsync({
        useFactory: () => ({
          throttlers: [{ ttl: 60_000, limit: 4 }],
          storage: new ClusterThrottlerStorage(cluster, { prefix: `${keyspace}guard:` }),
        }),
      }),
    ],
    controllers: [Hello],
    providers: [{ provide: APP_GUARD, useClass: ThrottlerGuard }],
  })
  class AppModule {}
  const start = async () => {
    const app = await NestFactory.create(AppModule, { logger: false, abortOnError: false });
    await app.listen(0, '127.0.0.1');
    return app;
  };
  const apps = [await start(), await start()];
  const urls = await Promise.all(apps.map((app) => app.getUrl()));
  const answers: Response[] = [];
  for (let i = 0; i < 6; i++) answers.push(await fetch(urls[i % 2]));
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 429, 429]);
  expect(answers[3].headers.get('x-ratelimit-remaining')).toBe('0');
  expect(Number(answers[4].headers.get('retry-after'))).toBeGreaterThan(0);
  await Promise.all(apps.map((app) => app.close()));
});
