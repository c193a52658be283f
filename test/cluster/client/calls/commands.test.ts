import { ClusterClient, InvalidArgumentError, ReplyError } from 'keyslot';
import { sharedCluster } from '../../../cluster-fixture.js';

const ALL_BYTES = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));

const shared = sharedCluster();

describe.each([2, 3] as const)('a healthy cluster, in RESP%s', (protocol) => {
  let client: ClusterClient;
  let keys = 0;
  const newKey = (): string => `${shared.keyspace}${protocol}:${keys++}`;

  beforeAll(async () => {
    client = new ClusterClient({ nodes: shared.nodes, protocol });
    await client.connect();
  });

  afterAll(() => client.close());

  describe('preserves values', () => {
    it.each([
      ['text', 'hello'],
      ['unicode', 'héllo wörld 語 🙂 \u0000 \r\n $-1'],
      ['an empty string', ''],
      ['a number', 42, '42'],
      ['a fraction', -0.1, '-0.1'],
      ['a bigint', 2n ** 70n, '1180591620717411303424'],
      ['a megabyte of text', 'x'.repeat(2 ** 20)],
      ['a megabyte of wide text', 'é'.repeat(2 ** 19)],
    ])('%s', async (_, value: string | number | bigint, text = String(value)) => {
      const key = newKey();
      expect(await client.set(key, value as string)).toBe('OK');
      expect(await client.get(key)).toBe(text);
      expect(await client.strlen(key)).toBe(Buffer.byteLength(text));
    });

    it('all byte values, in keys, values and fields', async () => {
      const key = Buffer.concat([Buffer.from(newKey()), ALL_BYTES]);
      await client.set(key, ALL_BYTES);
      expect(await client.getBuffer(key)).toEqual(ALL_BYTES);
      expect(await client.exists(key)).toBe(1);

      const hash = newKey();
      await client.hset(hash, ALL_BYTES, ALL_BYTES, 'big', Buffer.alloc(2 ** 20, ALL_BYTES));
      expect(await client.hgetBuffer(hash, ALL_BYTES)).toEqual(ALL_BYTES);
      // compared by hand: jest takes its time for a megabyte
      expect((await client.hgetallBuffer(hash)).big.equals(Buffer.alloc(2 ** 20, ALL_BYTES))).toBe(true);

      const list = newKey();
      await client.rpush(list, ALL_BYTES, ALL_BYTES.subarray(0, 3));
      await client.call('rpush', list, new Uint8Array([1, 0, 255]) as Buffer);
      expect(await client.lrangeBuffer(list, 0, -1)).toEqual([
        ALL_BYTES,
        Buffer.from([0, 1, 2]),
        Buffer.from([1, 0, 255]),
      ]);
    });

    it('strings and Buffers requested at the same time', async () => {
      const key = newKey();
      await client.set(key, 'é');
      expect(
        await Promise.all([
          client.get(key),
          client.getBuffer(key),
          client.get(key),
          client.callBuffer('GET', key),
        ]),
      ).toEqual(['é', Buffer.from('é'), 'é', Buffer.from('é')]);
    });

    it('Buffers that the caller keeps while more replies arrive', async () => {
      const key = newKey();
      await client.set(key, 'first');
      const first = await client.getBuffer(key);
      await client.set(key, 'other');
      await Promise.all(Array.from({ length: 100 }, () => client.getBuffer(key)));
      expect(first?.toString()).toBe('first');
    });
  });

  it('runs commands on every type of value, with the replies of ioredis', async () => {
    const text = newKey();
    expect([
      await client.set(text, 1, 'EX', 100, 'NX'),
      await client.set(text, 1, 'NX'),
      await client.incrby(text, 4),
      await client.incrbyfloat(text, '0.5'),
      await client.append(text, '!'),
      await client.getrange(text, 0, 2),
      await client.get(newKey()),
      (await client.ttl(text)) > 0,
      await client.type(text),
    ]).toEqual(['OK', null, 5, '5.5', 4, '5.5', null, true, 'string']);

    const hash = newKey();
    expect([
      await client.hset(hash, 'a', 1, 'b', 2),
      await client.hget(hash, 'a'),
      await client.hmget(hash, 'a', 'missing'),
      await client.hincrby(hash, 'a', 10),
      await client.hgetall(hash),
      await client.hgetall(newKey()),
    ]).toEqual([2, '1', ['1', null], 11, { a: '11', b: '2' }, {}]);

    const list = newKey();
    expect([
      await client.rpush(list, 'a', 'b', 'c'),
      await client.lpop(list),
      await client.lrange(list, 0, -1),
      await client.lmpop(1, list, 'RIGHT'),
    ]).toEqual([3, 'a', ['b', 'c'], [list, ['c']]]);

    const set = newKey();
    expect([
      await client.sadd(set, ['a', 'b']),
      await client.sismember(set, 'a'),
      (await client.smembers(set)).toSorted(),
      await client.smismember(set, 'a', 'z'),
    ]).toEqual([2, 1, ['a', 'b'], [1, 0]]);

    const sorted = newKey();
    expect([
      await client.zadd(sorted, 1, 'a', 2.5, 'b', Infinity, 'c'),
      await client.zscore(sorted, 'b'),
      await client.zrange(sorted, 0, '-1', 'WITHSCORES'),
      await client.zrangebyscore(sorted, -Infinity, 2),
      await client.zscore(sorted, 'missing'),
    ]).toEqual([3, '2.5', ['a', '1', 'b', '2.5', 'c', 'inf'], ['a'], null]);

    const stream = newKey();
    expect([
      await client.xadd(stream, '1-0', 'f', 'v'),
      await client.xrange(stream, '-', '+'),
      await client.xread('STREAMS', stream, '0'),
      await client.xgroup('CREATE', stream, 'g', '$'),
    ]).toEqual(['1-0', [['1-0', ['f', 'v']]], [[stream, [['1-0', ['f', 'v']]]]], 'OK']);

    const place = newKey();
    expect([
      await client.geoadd(place, 13.361389, 38.115556, 'Palermo'),
      await client.geosearch(place, 'FROMMEMBER', 'Palermo', 'BYRADIUS', 1, 'km'),
      await client.pfadd(newKey(), 'a'),
      await client.setbit(newKey(), 7, 1),
      await client.object('ENCODING', text),
    ]).toEqual([1, ['Palermo'], 1, 0, 'raw']);
  });

  it('accepts arrays, objects and Maps where ioredis does', async () => {
    const [a, b, hash] = ['a', 'b', 'hash'].map((name) => `${shared.keyspace}{pairs}${name}`);
    expect(await client.mset({ [a]: '1', [b]: '2' })).toBe('OK');
    expect(await client.mget([a, b])).toEqual(['1', '2']);
    await client.mset(new Map([[a, Buffer.from([255])]]));
    expect(await client.getBuffer(a)).toEqual(Buffer.from([255]));
    await client.mset([a, 3, b, 4]);
    expect(await client.mget(a, b)).toEqual(['3', '4']);
    await client.hset(hash, { one: 1, two: '2' });
    await client.hset(hash, new Map([['three', 3]]));
    expect(await client.hgetall(hash)).toEqual({ one: '1', two: '2', three: '3' });
  });

  it('returns a hash with a field named __proto__ as data', async () => {
    const key = newKey();
    await client.hset(key, '__proto__', 'p', 'constructor', 'c', 'toString', 't');
    const fields = await client.hgetall(key);
    expect(Object.entries(fields).toSorted()).toEqual([
      ['__proto__', 'p'],
      ['constructor', 'c'],
      ['toString', 't'],
    ]);
    expect(Object.getPrototypeOf(fields)).toBe(Object.prototype);
    expect(await client.pipeline().hgetall(key).exec()).toEqual([[null, fields]]);
  });

  it('passes the same results to callbacks as to promises', async () => {
    const key = newKey();
    await client.set(key, 'v');
    const replies = new Promise((resolve) => {
      void client.get(key, (error, reply) => resolve([error, reply]));
    });
    expect(await replies).toEqual([null, 'v']);
    const errors = new Promise<Error | null | undefined>((resolve) => {
      void client.lpush(key, 'x', (error) => resolve(error)).catch(() => {});
    });
    expect(await errors).toMatchObject({ name: 'ReplyError', code: 'WRONGTYPE' });
    // a caller with a callback need not look at the promise
    await new Promise((resolve) => void client.lpush(key, 'x', resolve));
  });

  it('calls commands by name, in any case', async () => {
    const key = newKey();
    expect(await client.call('SET', key, 'v', 'EX', 100)).toBe('OK');
    expect(await client.call('get', [key])).toBe('v');
    expect(await client.callBuffer('gEt', key)).toEqual(Buffer.from('v'));
    expect(await client.call('OBJECT', 'REFCOUNT', key)).toBe(1);
    expect(await client.call('hgetall', newKey())).toEqual({});
  });

  it('reports the errors of the server as ReplyError, without the arguments', async () => {
    const key = newKey();
    await client.set(key, 'planted');
    const error: unknown = await client.lpush(key, 'secret-value').catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ReplyError);
    expect(error).toMatchObject({ name: 'ReplyError', code: 'WRONGTYPE', applied: false });
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('secret-value');
    const unknown: unknown = await client
      .call('NOSUCH', key, 'secret-value')
      .catch((reason: unknown) => reason);
    expect(unknown).toMatchObject({ name: 'ReplyError', code: 'ERR' });
    expect(String(unknown)).not.toContain('secret-value');
    // and the connection is as good as before
    expect(await client.get(key)).toBe('planted');
  });

  it.each([
    ['undefined', [undefined]],
    ['null', [null]],
    ['NaN', [Number.NaN]],
    ['an object', [{}]],
    ['a nested array', [[['a']]]],
    ['a symbol', [Symbol('s')]],
  ])('rejects %s as an argument', async (_, args) => {
    await expect(client.call('SET', newKey(), ...(args as string[]))).rejects.toBeInstanceOf(
      InvalidArgumentError,
    );
  });

  it.each([
    ['no name', () => client.call(undefined as unknown as string)],
    ['an empty name', () => client.call('')],
    ['no key', () => (client.get as () => Promise<unknown>)()],
    ['no keys', () => client.mget([])],
    ['no pairs', () => client.mset({})],
    ['a number of keys that is none', () => client.call('EVAL', 'return 1', 'many', 'k')],
    ['more keys than there are', () => client.call('EVAL', 'return 1', 5, 'k')],
  ])('rejects a call with %s, and continues', async (_, call) => {
    await expect(call()).rejects.toMatchObject({ code: expect.stringMatching(/^(INVALID_ARGUMENT|ERR)$/) });
    expect(await client.ping()).toBe('PONG');
  });
});
