import {
  ClusterClient,
  type CacheInvalidation,
  type ClusterCacheStats,
  type ClusterNode,
  type ClusterView,
  keySlot,
} from 'keyslot';
import { eventually, sharedCluster } from '../../../cluster-fixture.js';

const shared = sharedCluster();
const CACHE = { maxBytes: 4 * 1024 * 1024, maxStaleMs: 5_000 };

let client: ClusterClient;
let other: ClusterClient;
let cached: ClusterView;
let unique = 0;

beforeAll(async () => {
  client = new ClusterClient({ nodes: shared.nodes, cache: CACHE });
  other = new ClusterClient({ nodes: shared.nodes });
  await Promise.all([client.connect(), other.connect()]);
  cached = client.with({ cache: true });
});

afterAll(() => Promise.all([client.close(), other.close()]));

const freshKey = (name: string): string => `${shared.keyspace}{${unique++}}${name}`;

/** What was counted while something ran. */
async function counting(
  work: () => Promise<unknown>,
  of = client,
): Promise<Pick<ClusterCacheStats, 'hits' | 'misses' | 'joined'>> {
  const before = of.cache.stats();
  await work();
  const { hits, misses, joined } = of.cache.stats();
  return { hits: hits - before.hits, misses: misses - before.misses, joined: joined - before.joined };
}

/** Reads until the reply is the expected one. */
const untilRead = (expected: unknown, read: () => Promise<unknown>): Promise<void> =>
  eventually(async () => expect(await read()).toEqual(expected));

describe('a read through the cache', () => {
  test('comes from memory the second time, until another client writes the key', async () => {
    const key = freshKey('text');
    await other.set(key, 'first');
    expect(await counting(() => cached.get(key))).toEqual({ hits: 0, misses: 1, joined: 0 });
    expect(await counting(async () => expect(await cached.get(key)).toBe('first'))).toEqual({
      hits: 1,
      misses: 0,
      joined: 0,
    });
    await other.set(key, 'second');
    await untilRead('second', () => cached.get(key));
    expect(await counting(() => cached.get(key))).toMatchObject({ hits: 1 });
  });

  test('is kept for a key that does not exist, until another client creates it', async () => {
    const key = freshKey('missing');
    expect(await cached.get(key)).toBeNull();
    expect(await counting(async () => expect(await cached.get(key)).toBeNull())).toMatchObject({ hits: 1 });
    await other.set(key, 'born');
    await untilRead('born', () => cached.get(key));
  });

  test('of views that do not read through the cache goes to the node', async () => {
    const key = freshKey('uncached');
    await cached.get(key);
    expect(await counting(() => client.get(key))).toEqual({ hits: 0, misses: 0, joined: 0 });
  });

  test('has the reply that the node gives, in the form that the call wants, for every kind of value', async () => {
    const tag = freshKey('');
    await other.hset(`${tag}h`, { a: '1', __proto__: 'p', b: '\u00e9' });
    await other.rpush(`${tag}l`, 'x', 'y', 'z');
    await other.zadd(`${tag}z`, 1.5, 'one', 2, 'two');
    await other.sadd(`${tag}s`, 'm');
    await other.set(`${tag}b`, Buffer.from([0, 255, 128]));
    await other.xadd(`${tag}x`, '1-1', 'f', 'v');
    await other.geoadd(`${tag}g`, 13.36, 38.11, 'Palermo');
    const calls: [string, ...(string | number)[]][] = [
      ['hgetall', 'h'],
      ['hmget', 'h', 'a', 'none', 'b'],
      ['hget', 'h', 'a'],
      ['hlen', 'h'],
      ['lrange', 'l', 0, -1],
      ['lindex', 'l', 1],
      ['zrange', 'z', 0, -1, 'WITHSCORES'],
      ['zscore', 'z', 'one'],
      ['smembers', 's'],
      ['sismember', 's', 'm'],
      ['get', 'b'],
      ['getrange', 'b', 0, 0],
      ['strlen', 'b'],
      ['exists', 'b'],
      ['type', 'z'],
      ['xrange', 'x', '-', '+'],
      ['geopos', 'g', 'Palermo'],
      ['hgetall', 'nothing'],
    ];
    for (const [name, key, ...args] of calls) {
      for (const method of [name, `${name}Buffer`]) {
        const call = (view: ClusterView): Promise<unknown> =>
          (view as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>)[method](
            tag + key,
            ...args,
          );
        const plain = await call(other);
        expect(await call(cached)).toEqual(plain);
        const { hits } = await counting(async () => expect(await call(cached)).toEqual(plain));
        expect([method, hits]).toEqual([method, 1]);
      }
    }
  });

  test('gives each caller a reply of its own', async () => {
    const key = freshKey('own');
    await other.hset(key, 'a', '1');
    const read = async (): Promise<[Record<string, string>, (Buffer | null)[]]> => [
      await cached.hgetall(key),
      await cached.hmgetBuffer(key, 'a'),
    ];
    const [object, list] = await read();
    object.a = 'changed';
    (list[0] as Buffer).fill(0);
    list.push(null);
    for (let i = 0; i < 2; i++) {
      const [again, listed] = await read();
      expect(again).toEqual({ a: '1' });
      expect(listed).toEqual([Buffer.from('1')]);
      (listed[0] as Buffer).fill(0);
    }
  });

  test('finds a key by its bytes, as text or as a Buffer', async () => {
    const key = Buffer.concat([Buffer.from(freshKey('\u00fc')), Buffer.from([0xff, 0x00])]);
    await other.set(key, 'bytes');
    expect(await cached.get(key)).toBe('bytes');
    expect(await counting(() => cached.get(Buffer.from(key)))).toMatchObject({ hits: 1 });
    const text = freshKey('\u00fc\ud83d\ude00');
    await cached.get(text);
    expect(await counting(() => cached.get(Buffer.from(text)))).toMatchObject({ hits: 1 });
    await other.set(text, 'changed');
    await untilRead('changed', () => cached.get(text));
    await other.set(key, 'other bytes');
    await untilRead('other bytes', () => cached.get(key));
  });

  test('of a key that looks like the bytes of another is another read', async () => {
    const tag = freshKey('');
    // the UTF-8 of the first has the two characters of the second, one a byte
    const [key, alike] = [`${tag}\u00fc`, `${tag}\u00c3\u00bc`];
    await client.mset(key, 'one', alike, 'two');
    for (let i = 0; i < 2; i++) {
      expect([await cached.get(key), await cached.get(alike)]).toEqual(['one', 'two']);
      expect(await cached.mget(key, alike)).toEqual(['one', 'two']);
    }
    await client.set(key, 'new');
    expect([await cached.get(key), await cached.get(alike)]).toEqual(['new', 'two']);
    await client.set(Buffer.from(alike), 'newer');
    expect(await cached.mget(key, alike)).toEqual(['new', 'newer']);
    expect(await cached.mgetBuffer(key, alike)).toEqual([Buffer.from('new'), Buffer.from('newer')]);
  });

  test('is not kept for longer than the key lives, or than the caller says', async () => {
    const key = freshKey('mortal');
    await other.set(key, 'alive', 'PX', 60);
    expect(await cached.get(key)).toBe('alive');
    const end = Date.now() + 60;
    await eventually(() => Date.now() > end);
    expect(await cached.get(key)).toBeNull();
    const immortal = freshKey('aging');
    await other.set(immortal, 'old');
    await cached.get(immortal);
    const age = Date.now() + 30;
    await eventually(() => Date.now() > age);
    expect(await counting(() => client.with({ cache: { maxAgeMs: 20 } }).get(immortal))).toMatchObject({
      misses: 1,
    });
  });

  test('that lasts is one request for all callers', async () => {
    const key = freshKey('crowd');
    await other.set(key, 'one');
    const counted = await counting(async () => {
      const replies = await Promise.all(Array.from({ length: 50 }, () => cached.get(key)));
      expect(new Set(replies)).toEqual(new Set(['one']));
    });
    expect(counted).toEqual({ hits: 0, misses: 50, joined: 49 });
  });

  test('with an error of the server is an error for every caller, and is not kept', async () => {
    const key = freshKey('list');
    await other.rpush(key, 'x');
    const outcomes = await Promise.allSettled([cached.get(key), cached.get(key)]);
    expect(outcomes.map((one) => (one as PromiseRejectedResult).reason.code)).toEqual([
      'WRONGTYPE',
      'WRONGTYPE',
    ]);
    await other.del(key);
    expect(await cached.get(key)).toBeNull();
  });

  test('of a random reply, of time, or of several keys is never kept', async () => {
    const key = freshKey('set');
    await other.sadd(key, 'a', 'b');
    await other.expire(key, 1_000);
    const counted = await counting(async () => {
      await cached.srandmember(key);
      await cached.pttl(key);
      await cached.sunion(key, key);
      await cached.exists(key, key);
    });
    expect(counted).toEqual({ hits: 0, misses: 0, joined: 0 });
  });
});

describe('mget and pipelines', () => {
  test('take what is kept from memory, and read the rest in one call', async () => {
    const tag = freshKey('');
    const keys = [1, 2, 3, 4].map((i) => `${tag}${i}`);
    await other.mset({ [keys[0]]: 'a', [keys[2]]: 'c' });
    await other.rpush(keys[3], 'x');
    await cached.get(keys[0]);
    const expected = ['a', null, 'c', null];
    expect(await counting(async () => expect(await cached.mget(keys)).toEqual(expected))).toMatchObject({
      hits: 1,
      misses: 3,
    });
    expect(
      await counting(async () => expect(await cached.mget(...keys.slice(0, 3))).toEqual(['a', null, 'c'])),
    ).toMatchObject({ hits: 3 });
    // MGET has no value for a list, GET an error
    await expect(cached.get(keys[3])).rejects.toMatchObject({ code: 'WRONGTYPE' });
    await expect(cached.mget(keys[0], freshKey('elsewhere'))).rejects.toMatchObject({ code: 'CROSS_SLOT' });
    await other.set(keys[0], 'b');
    await untilRead(['b', null], () => cached.mget(keys[0], keys[1]));
  });

  test('a pipeline keeps the order of its commands, and reads its own writes', async () => {
    const [a, b] = [freshKey('a'), freshKey('b')];
    await other.mset({ [a]: '1' });
    await other.set(b, '2');
    const run = (): Promise<unknown> =>
      cached.pipeline().get(a).get(b).set(a, 'mine').get(a).set(a, '1').srandmember(b).exec();
    const wrongType = [expect.objectContaining({ code: 'WRONGTYPE' }), undefined];
    const expected = [[null, '1'], [null, '2'], [null, 'OK'], [null, 'mine'], [null, 'OK'], wrongType];
    expect(await run()).toEqual(expected);
    expect(await counting(async () => expect(await run()).toEqual(expected))).toMatchObject({ hits: 1 });
    expect(await counting(() => cached.pipeline().get(a).get(b).exec())).toMatchObject({
      hits: 1,
      misses: 1,
    });
    expect(await counting(() => cached.pipeline().get(a).get(b).exec())).toMatchObject({
      hits: 2,
      misses: 0,
    });
    expect(await counting(() => cached.get(a))).toMatchObject({ hits: 1 });
    const replies = (): Promise<unknown> => cached.pipeline().get(a).set(b, '3').get(b).execReplies();
    expect(await counting(async () => expect(await replies()).toEqual(['1', 'OK', '3']))).toMatchObject({
      hits: 1,
    });
  });
});

describe('what this client writes is seen by its next read', () => {
  const ways: [string, (key: string) => Promise<unknown>][] = [
    ['a call', (key) => client.set(key, 'new')],
    ['call()', (key) => client.call('SET', key, 'new')],
    ['a pipeline', (key) => client.pipeline().set(key, 'new').exec()],
    ['multi()', (key) => client.multi().set(key, 'new').exec()],
    ['transaction()', (key) => client.transaction([key], async (tx) => tx.multi().set(key, 'new'))],
    ['a direct write in transaction()', (key) => client.transaction([key], async (tx) => tx.set(key, 'new'))],
    ['a script', (key) => client.eval("return redis.call('SET', KEYS[1], 'new')", 1, key)],
    [
      'a durable write',
      (key) => client.with({ durability: { replicas: 1, timeoutMs: 5_000 } }).set(key, 'new'),
    ],
    [
      'a durable multi()',
      (key) =>
        client
          .with({ durability: { replicas: 1, timeoutMs: 5_000 } })
          .multi()
          .set(key, 'new')
          .exec(),
    ],
    [
      'nonAtomic',
      async (key) => {
        await client.set(`${key}:from`, 'new');
        await client.nonAtomic.rename(`${key}:from`, key);
      },
    ],
    [
      'nonAtomic over several slots',
      (key) => client.nonAtomic.mset({ [key]: 'new', [freshKey('far')]: '1' }),
    ],
    [
      'target()',
      (key) => {
        const node = client.topology.nodeForSlot(keySlot(key));
        return client.target(node as ClusterNode).set(key, 'new');
      },
    ],
  ];

  test.each(ways)('%s', async (_, write) => {
    const key = freshKey('mine');
    await other.set(key, 'old');
    for (let i = 0; i < 4; i++) {
      await other.set(key, 'old');
      await untilRead('old', () => cached.get(key));
      // reads under way while the write is
      const reads = [cached.get(key), cached.get(key)];
      const writing = write(key);
      reads.push(cached.get(key));
      await writing;
      expect(await cached.get(key)).toBe('new');
      await Promise.all(reads);
      expect(await cached.get(key)).toBe('new');
    }
  });
});

describe('with a keyPrefix', () => {
  test('every read finds the same kept reply, and every change of the full key ends it', async () => {
    const space = `${shared.keyspace}prefix${unique++}:`;
    const [a, b] = ['{t}a', '{t}b'];
    const prefixed = client.duplicate({ keyPrefix: space });
    const view = prefixed.with({ cache: true });
    const reads: (() => Promise<unknown>)[] = [
      () => view.get(a),
      async () => (await view.mget(a, b))[0],
      async () => (await view.pipeline().get(a).exec())[0][1],
    ];
    const writes: [value: string, write: () => Promise<unknown>][] = [
      ['theirs', () => other.set(space + a, 'theirs')],
      ['mine', () => prefixed.set(a, 'mine')],
      ['piped', () => prefixed.pipeline().set(a, 'piped').exec()],
      ['nonAtomic', () => prefixed.nonAtomic.mset({ [a]: 'nonAtomic', c: '1' })],
    ];
    await view.mget(a, b);
    const changed: (string | undefined)[] = [];
    prefixed.cache.invalidated$.subscribe(({ key }) => changed.push(key));
    for (const [value, write] of writes) {
      await write();
      await untilRead(value, () => view.get(a));
      for (const read of reads) expect(await read()).toBe(value);
    }
    expect(await counting(() => Promise.all(reads.map((read) => read())), prefixed)).toMatchObject({
      hits: 4,
      misses: 0,
    });
    expect(changed).toContain(space + a);
    expect(changed.filter((key) => key?.startsWith(space) === false)).toEqual([]);
    await prefixed.close();
  });
});

describe('cluster.cache', () => {
  test('clear() drops all, and what is under way is not kept', async () => {
    const key = freshKey('cleared');
    await other.set(key, 'x');
    await cached.get(key);
    const reading = cached.get(freshKey('under way'));
    client.cache.clear();
    await reading;
    expect(client.cache.stats()).toMatchObject({ entries: 0, bytes: 0 });
    expect(await counting(() => cached.get(key))).toMatchObject({ misses: 1 });
  });

  test('invalidated$ names what is dropped, and why', async () => {
    const key = freshKey('watched');
    const seen: CacheInvalidation[] = [];
    const subscription = client.cache.invalidated$.subscribe((one) => seen.push(one));
    await cached.get(key);
    await other.set(key, '1');
    await eventually(() => seen.some((one) => one.key === key && one.cause === 'change'));
    await untilRead('1', () => cached.get(key));
    await client.set(key, '2');
    expect(seen.filter((one) => one.key === key).map(({ cause }) => cause)).toEqual(['change', 'write']);
    client.cache.clear();
    expect(seen.at(-1)).toEqual({ key: undefined, node: undefined, cause: 'clear' });
    subscription.unsubscribe();
  });

  test('goes on counting when the client is restarted, with nothing kept', async () => {
    const restarted = new ClusterClient({ nodes: shared.nodes, cache: CACHE });
    expect(client.stats().cache).toEqual(client.cache.stats());
    expect(other.stats().cache).toBeUndefined();
    const key = freshKey('restarted');
    const read = async (): Promise<unknown> => restarted.with({ cache: true }).get(key);
    expect([await read(), await read()]).toEqual([null, null]);
    await restarted.quit();
    expect(restarted.stats().cache).toMatchObject({ hits: 1, misses: 1, entries: 0, bytes: 0 });
    await restarted.connect();
    await read();
    expect(restarted.cache.stats()).toMatchObject({ hits: 1, misses: 2, entries: 1 });
    await restarted.close();
  });

  test('stays within its bytes, and evicts what was not read', async () => {
    const small = new ClusterClient({ nodes: shared.nodes, cache: { ...CACHE, maxBytes: 20_000 } });
    const view = small.with({ cache: true });
    const hot = freshKey('hot');
    await view.set(hot, 'x');
    await view.get(hot);
    for (let i = 0; i < 200; i++) {
      await view.get(freshKey('cold'));
      await view.get(hot);
      expect(small.cache.stats().bytes).toBeLessThanOrEqual(20_000);
    }
    const { evictions, entries } = small.cache.stats();
    expect(evictions).toBeGreaterThan(100);
    expect(entries).toBeGreaterThan(20);
    expect(await counting(() => view.get(hot), small)).toMatchObject({ hits: 1 });
    // larger than the cache: read every time, and said once
    const large = freshKey('large');
    const errors: unknown[] = [];
    small.on('error', (error) => errors.push(error));
    await view.set(large, 'x'.repeat(30_000));
    for (let i = 0; i < 2; i++)
      expect(await view.strlen(large).then(() => view.get(large))).toHaveLength(30_000);
    expect(errors).toMatchObject([{ code: 'CACHE_UNAVAILABLE' }]);
    await small.close();
  });
});
