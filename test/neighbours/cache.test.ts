import { CACHE_MANAGER, CacheInterceptor, CacheModule, type Cache } from '@nestjs/cache-manager';
import { Controller, Get, UseInterceptors } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { Keyv, type KeyvStoreAdapter } from 'keyv';
import { Keyv as Keyv6 } from 'keyv-6';
import { ClusterClient, ClusterModule, InvalidArgumentError } from 'keyslot';
import { ClusterKeyvStore } from 'keyslot/cache';
import { eventually, sharedCluster } from '../cluster-fixture.js';

const { nodes, keyspace } = sharedCluster();
let cluster: ClusterClient;

beforeAll(() => {
  cluster = new ClusterClient({ nodes });
});
afterAll(() => cluster?.close());

const names = Array.from({ length: 600 }, (_, i) => `k${i}`);
const storeOf = (prefix: string): ClusterKeyvStore =>
  new ClusterKeyvStore(cluster, { prefix: keyspace + prefix });
const keyvOf = (prefix: string, namespace?: string): Keyv =>
  new Keyv({ store: storeOf(prefix), namespace, throwOnErrors: true });

describe('ClusterKeyvStore', () => {
  it('stores keys on all nodes, one by one and many at once', async () => {
    const keyv = keyvOf('many:', 'ns');
    expect(await keyv.setMany(names.map((key, n) => ({ key, value: { n } })))).toEqual(names.map(() => true));
    expect(await keyv.set('one', 'more')).toBe(true);
    expect(await keyv.getMany([...names, 'none', 'one'])).toEqual([
      ...names.map((_, n) => ({ n })),
      undefined,
      'more',
    ]);
    expect(await keyv.get('none')).toBeUndefined();
    expect(await keyv.hasMany(['one', 'none'])).toEqual([true, false]);
    expect([await keyv.delete('one'), await keyv.delete('one')]).toEqual([true, false]);
    expect([await keyv.deleteMany(['k0', 'k1', 'none']), await keyv.has('k1')]).toEqual([true, false]);
    expect(await storeOf('many:').getMany([])).toEqual([]);

    const seen = new Map<string, unknown>();
    for await (const [key, value] of keyv.iterator!('ns')) seen.set(key as string, value);
    expect(seen).toEqual(new Map(names.slice(2).map((key, i) => [key, { n: i + 2 }])));
  });

  it('clears its namespace on all nodes, and nothing else', async () => {
    const [mine, theirs, other] = [keyvOf('clear*:', 'a'), keyvOf('clear*:', 'b'), keyvOf('clearly:', 'a')];
    for (const keyv of [mine, theirs, other]) await keyv.setMany(names.map((key) => ({ key, value: 1 })));
    await mine.clear();
    expect(await mine.getMany(names)).toEqual(names.map(() => undefined));
    expect(await theirs.getMany(names)).toEqual(names.map(() => 1));
    expect(await other.getMany(names)).toEqual(names.map(() => 1));
  });

  it('stays within the key prefix of its client', async () => {
    const client = new ClusterClient({ nodes, keyPrefix: `${keyspace}space[1]:` });
    try {
      const keyv = new Keyv({ store: new ClusterKeyvStore(client), namespace: 'ns', throwOnErrors: true });
      const read = async (): Promise<unknown> => {
        const found = new Map<unknown, unknown>();
        for await (const [key, value] of keyv.iterator!('ns')) found.set(key, value);
        return found;
      };
      await keyv.setMany(names.map((key, n) => ({ key, value: n })));
      // the same names without the prefix of the client, and in a key space that its glob would match
      const others = ['cache:ns:k1', 'cache:ns:k9000', `${keyspace}space1:cache:ns:k1`];
      for (const key of others) await cluster.set(key, 'other');
      expect(await read()).toEqual(new Map(names.map((key, n) => [key, n])));
      await keyv.clear();
      expect(await read()).toEqual(new Map());
      expect(await keyv.getMany(names)).toEqual(names.map(() => undefined));
      expect(await cluster.nonAtomic.mget(others)).toEqual(others.map(() => 'other'));
      await cluster.unlink(others);
    } finally {
      await client.close();
    }
  });

  it('clears namespaces that extend its own name after a colon, as Keyv uses the same keys for them', async () => {
    const [short, long] = [keyvOf('ambiguous:', 'a'), keyvOf('ambiguous:', 'a:b')];
    await short.set('b:k', 1);
    expect(await long.get('k')).toBe(1);
    await short.clear();
    expect(await long.get('k')).toBeUndefined();
  });

  it('has the type of a store', () => {
    const store: KeyvStoreAdapter = storeOf('type:');
    expect(store.opts).toMatchObject({ dialect: 'redis' });
  });

  it('lets the server delete expired entries', async () => {
    const store = storeOf('ttl:');
    await store.set('short', 'v', 0.5);
    await store.setMany([{ key: 'long', value: 'v', ttl: 60_000 }]);
    await eventually(async () => (await cluster.exists(`${keyspace}ttl:short`)) === 0);
    expect(await cluster.pttl(`${keyspace}ttl:long`)).toBeGreaterThan(50_000);
  });

  it('leaves the client open, and hides it when the store is printed', async () => {
    const keyv = keyvOf('open:');
    await keyv.disconnect();
    expect(await keyv.set('k', 1)).toBe(true);
    expect(Object.keys(keyv.store as object)).not.toContain('cluster');
  });

  it.each([
    ['cluster', () => new ClusterKeyvStore({} as ClusterClient)],
    ['prefix', () => new ClusterKeyvStore(cluster, { prefix: '{x}' })],
    ['prefix', () => new ClusterKeyvStore(cluster, { prefix: 5 as unknown as string })],
    ['prefx', () => new ClusterKeyvStore(cluster, { prefx: 'x' } as object)],
    ['options', () => new ClusterKeyvStore(cluster, null as unknown as object)],
  ])('rejects a wrong %s', (argument, make) => {
    expect(make).toThrow(expect.objectContaining({ argument, code: 'INVALID_ARGUMENT' }));
  });

  it.each([0, -1, NaN, Infinity, '5'])('rejects %p as a ttl', async (ttl) => {
    await expect(storeOf('bad:').set('k', 'v', ttl as number)).rejects.toThrow(InvalidArgumentError);
  });
});

describe('ClusterKeyvStore with Keyv 6', () => {
  const keyv6Of = (prefix: string, namespace?: string): Keyv6 =>
    new Keyv6({ store: storeOf(prefix), namespace, throwOnErrors: true });

  it('stores keys on all nodes, one by one and many at once', async () => {
    const keyv = keyv6Of('six:', 'ns');
    expect(await keyv.setMany(names.map((key, n) => ({ key, value: { n } })))).toEqual(names.map(() => true));
    expect(await keyv.set('one', 'more')).toBe(true);
    expect(await keyv.getMany(['k599', 'none', 'one'])).toEqual([{ n: 599 }, undefined, 'more']);
    expect(await keyv.hasMany(['one', 'none'])).toEqual([true, false]);
    expect([await keyv.delete('one'), await keyv.delete('one')]).toEqual([true, false]);
    await keyv.deleteMany(['k0', 'k1']);
    expect(await keyv.has('k1')).toBe(false);

    const seen = new Map<string, unknown>();
    for await (const [key, value] of keyv.iterator()) seen.set(key as string, value);
    expect(seen).toEqual(new Map(names.slice(2).map((key, i) => [key, { n: i + 2 }])));
  });

  it('keeps namespaces apart, and clears its own on all nodes', async () => {
    const [mine, theirs] = [keyv6Of('clear6:', 'a'), keyv6Of('clear6:', 'b')];
    const some = names.slice(0, 30);
    for (const [n, keyv] of [mine, theirs].entries())
      await keyv.setMany(some.map((key) => ({ key, value: n })));
    expect(await mine.get('k0')).toBe(0);
    await mine.clear();
    expect(await mine.getMany(some)).toEqual(some.map(() => undefined));
    expect(await theirs.getMany(some)).toEqual(some.map(() => 1));
  });

  it('lets the server delete expired entries', async () => {
    const keyv = keyv6Of('ttl6:', 'ns');
    await keyv.set('long', 'v', 60_000);
    // Keyv stores what has expired before it is sent without a time to live
    await keyv.setMany([{ key: 'short', value: 'v', ttl: 2_000 }]);
    const ttl = await cluster.pttl(`${keyspace}ttl6:ns::long`);
    expect(ttl).toBeGreaterThan(50_000);
    expect(ttl).toBeLessThanOrEqual(60_000);
    await eventually(async () => (await cluster.exists(`${keyspace}ttl6:ns::short`)) === 0);
  });
});

it('@nestjs/cache-manager uses it as a cache shared by all processes', async () => {
  let calls = 0;
  @Controller()
  @UseInterceptors(CacheInterceptor)
  class Clock {
    @Get('tick')
    tick(): { calls: number } {
      return { calls: ++calls };
    }
  }
  const start = async () => {
    const module = await Test.createTestingModule({
      imports: [
        ClusterModule.forRoot({ nodes }),
        CacheModule.registerAsync({
          isGlobal: true,
          inject: [ClusterClient],
          useFactory: (client: ClusterClient) => ({
            stores: [new ClusterKeyvStore(client, { prefix: `${keyspace}app:` })],
            ttl: 60_000,
          }),
        }),
      ],
      controllers: [Clock],
    }).compile();
    const app = module.createNestApplication();
    await app.listen(0, '127.0.0.1');
    return app;
  };
  const apps = [await start(), await start()];
  const urls = await Promise.all(apps.map((app) => app.getUrl()));
  const answers: unknown[] = [(await (await fetch(`${urls[0]}/tick`)).json()) as unknown];
  const cache = apps[1].get<Cache>(CACHE_MANAGER);
  await eventually(async () => (await cache.get('/tick')) !== undefined);
  answers.push((await (await fetch(`${urls[1]}/tick`)).json()) as unknown);
  expect(answers).toEqual([{ calls: 1 }, { calls: 1 }]);

  await cache.mset([
    { key: 'a', value: 1 },
    { key: 'b', value: 2 },
  ]);
  expect(await cache.mget(['a', 'b', 'c'])).toEqual([1, 2, undefined]);
  expect(await cache.wrap('c', () => 3)).toBe(3);
  await cache.clear();
  expect(await cache.mget(['a', 'b', 'c'])).toEqual([undefined, undefined, undefined]);
  await Promise.all(apps.map((app) => app.close()));
});
