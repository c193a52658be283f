import type { Result } from 'ioredis';
import { ClusterClient, CrossSlotError, InvalidArgumentError, keySlot, Script } from 'keyslot';
import type { LocalCluster } from 'keyslot/testing';
import { breakableCluster } from '../../../breakable-cluster.js';
import { eventually } from '../../../cluster-fixture.js';

// the types of the commands that are defined here, as ioredis wants them told
declare module 'ioredis' {
  interface RedisCommander<Context> {
    push2(key: string | Buffer, ...values: (string | Buffer)[]): Result<(string | number)[], Context>;
    push2Buffer(key: string | Buffer, ...values: (string | Buffer)[]): Result<(Buffer | number)[], Context>;
    pushAny(keys: number, ...args: string[]): Result<(string | number)[], Context>;
    read2(key: string): Result<[string, string | null], Context>;
  }
}

/** Pushes its arguments and tells the key, the length, and the last argument. */
const PUSH = `local n for i = 1, #ARGV do n = redis.call('RPUSH', KEYS[1], ARGV[i]) end return {KEYS[1], n, ARGV[#ARGV]}`;
/** Tells which node it runs on, and a value. */
const READ = `return {redis.call('CLUSTER', 'MYID'), redis.call('GET', KEYS[1])}`;
const COUNT = `return redis.call('INCR', KEYS[1])`;

describe('a changing cluster, running scripts', () => {
  let cluster: LocalCluster;
  let client: ClusterClient;
  let names = 0;
  const newKey = (): string => `key-${names++}`;
  /** A script that no server has seen. */
  const newScript = (): Script => new Script(`${COUNT} -- ${names++}`);
  const flush = (): Promise<unknown> => client.target('all').script('FLUSH');

  breakableCluster({ primaries: 2, replicasPerPrimary: 1 }, (whole) => {
    cluster = whole;
    client = new ClusterClient({ nodes: cluster.seeds });
    client.defineCommand('push2', { numberOfKeys: 1, lua: PUSH });
    client.defineCommand('pushAny', { lua: PUSH });
    client.defineCommand('read2', { numberOfKeys: 1, lua: READ, readOnly: true });
    return () => client.close();
  });

  describe('by their defined names', () => {
    it('provides them as methods, for text and for Buffers', async () => {
      const key = newKey();
      expect(await client.push2(key, 'a', 'é')).toEqual([key, 2, 'é']);
      expect(await client.push2Buffer(key, Buffer.from([255]))).toEqual([
        Buffer.from(key),
        3,
        Buffer.from([255]),
      ]);
      expect(await client.pushAny(1, key, 'b')).toEqual([key, 4, 'b']);
      expect(await client.with({ deadlineMs: 5_000 }).push2(key, 'c')).toEqual([key, 5, 'c']);
    });

    it('provides them in pipelines and transactions', async () => {
      const [a, b] = [newKey(), newKey()];
      expect(await client.pipeline().push2(a, 'x').push2Buffer(b, 'y').pushAny(1, a, 'z').exec()).toEqual([
        [null, [a, 1, 'x']],
        [null, [Buffer.from(b), 1, Buffer.from('y')]],
        [null, [a, 2, 'z']],
      ]);
      expect(await client.multi().del(a).push2(a, 'x').push2Buffer(a, 'y').exec()).toEqual([
        [null, 1],
        [null, [a, 1, 'x']],
        [null, [Buffer.from(a), 2, Buffer.from('y')]],
      ]);
      const list = [
        ['push2', b, 'v'],
        ['push2Buffer', b, 'w'],
        ['getBuffer', newKey()],
      ];
      const expected = [
        [null, [b, 2, 'v']],
        [null, [Buffer.from(b), 3, Buffer.from('w')]],
        [null, null],
      ];
      expect(await client.pipeline(list).exec()).toEqual(expected);
    });

    it('provides them in watched transactions', async () => {
      const key = newKey();
      await flush();
      const results = await client.transaction([key], async (tx) => {
        expect(await tx.evalsha(new Script(READ).sha, 1, key)).toEqual([expect.any(String), null]);
        return tx.multi().push2(key, 'x');
      });
      expect(results).toEqual([[null, [key, 1, 'x']]]);
    });

    it('provides them in a duplicate, except those that it redefines', async () => {
      const key = newKey();
      const own = new ClusterClient({
        nodes: cluster.seeds,
        scripts: { one: { numberOfKeys: 1, lua: `return 'old'` } },
      });
      own.defineCommand('two', { numberOfKeys: 0, lua: `return 'two'` });
      const copy = own.duplicate({ scripts: { one: { numberOfKeys: 1, lua: `return 'new'` } } });
      const call = (of: ClusterClient, name: string): Promise<unknown> =>
        (of as unknown as Record<string, (...args: string[]) => Promise<unknown>>)[name](
          ...(name === 'one' ? [key] : []),
        );
      try {
        expect([await call(own, 'one'), await call(own, 'two')]).toEqual(['old', 'two']);
        expect([await call(copy, 'one'), await call(copy, 'two')]).toEqual(['new', 'two']);
      } finally {
        await Promise.all([own.close(), copy.close()]);
      }
    });

    it('prefixes their keys, and nothing else', async () => {
      const key = newKey();
      const prefixed = client.duplicate({ keyPrefix: 'shop:' });
      try {
        expect(await prefixed.push2(key, 'v')).toEqual([`shop:${key}`, 1, 'v']);
        expect(await prefixed.pushAny(1, key, key)).toEqual([`shop:${key}`, 2, key]);
        expect(await prefixed.runScript(new Script(PUSH), [key], ['w'])).toEqual([`shop:${key}`, 3, 'w']);
        expect(await prefixed.multi().push2(key, 'x').exec()).toEqual([[null, [`shop:${key}`, 4, 'x']]]);
        expect(await client.lrange(`shop:${key}`, 0, -1)).toEqual(['v', key, 'w', 'x']);
      } finally {
        await prefixed.close();
      }
    });

    it('rejects keys of two slots, and invalid numbers of keys', async () => {
      await expect(client.pushAny(2, 'a', 'b', 'c')).rejects.toBeInstanceOf(CrossSlotError);
      expect(() => client.pipeline().pushAny(2, 'a', 'b', 'c')).toThrow(CrossSlotError);
      for (const count of [-1, 1.5, 3, NaN, 'x' as unknown as number])
        await expect(client.pushAny(count, 'a', 'b')).rejects.toBeInstanceOf(InvalidArgumentError);
      await expect((client.push2 as () => Promise<unknown>)()).rejects.toBeInstanceOf(InvalidArgumentError);
    });

    it.each<[string, unknown, unknown]>([
      ['the name of a command', 'get', { lua: PUSH }],
      ['the name of a command for Buffers', 'getBuffer', { lua: PUSH }],
      ['a method of the client', 'close', { lua: PUSH }],
      ['a property of the client', 'topology', { lua: PUSH }],
      ['a method of pipelines', 'addBatch', { lua: PUSH }],
      ['a property of pipelines', 'length', { lua: PUSH }],
      ['what every object has', 'toString', { lua: PUSH }],
      ['__proto__', '__proto__', { lua: PUSH }],
      ['what promises have', 'then', { lua: PUSH }],
      ['no name', '', { lua: PUSH }],
      ['what is no name', 5, { lua: PUSH }],
      ['a symbol', Symbol('push'), { lua: PUSH }],
      ['no script', 'unheard', undefined],
      ['no text', 'unheard', {}],
      ['a text that is none', 'unheard', { lua: 5 }],
      ['half a key', 'unheard', { lua: PUSH, numberOfKeys: 0.5 }],
      ['less than no key', 'unheard', { lua: PUSH, numberOfKeys: -1 }],
    ])('rejects %s for a definition', async (_, name, definition) => {
      const given = [name, definition] as [string, { lua: string }];
      expect(() => client.defineCommand(...given)).toThrow(InvalidArgumentError);
      expect(await client.ping()).toBe('PONG');
      expect(client.pipeline().get('k').length).toBe(1);
    });

    it('allows a definition to be replaced, and a name of which only the Buffer variant is taken', async () => {
      const own = client.duplicate() as ClusterClient &
        Record<'again' | 'againBuffer', () => Promise<unknown>>;
      try {
        own.defineCommand('again', { numberOfKeys: 0, lua: `return 'first'` });
        own.defineCommand('again', { numberOfKeys: 0, lua: `return 'second'` });
        expect([await own.again(), await own.againBuffer()]).toEqual(['second', Buffer.from('second')]);
        expect(() => own.defineCommand('againBuffer', { lua: PUSH })).toThrow(
          'againBuffer is a method already',
        );
      } finally {
        await own.close();
      }
    });
  });

  it('runs read-only scripts on replicas', async () => {
    const key = newKey();
    await client.set(key, 'v');
    await flush();
    const onReplica = client.with({ readFrom: 'replica' });
    const replica = client.topology.nodeForKey(key, 'replica')?.id;
    await eventually(async () => expect(await onReplica.get(key)).toBe('v'));
    expect(await onReplica.read2(key)).toEqual([replica, 'v']);
    expect(await onReplica.pipeline().read2(key).exec()).toEqual([[null, [replica, 'v']]]);
    expect(await onReplica.runScript(new Script(READ, true), [key], [])).toEqual([replica, 'v']);
    // one that is not said to read only goes to the primary
    const primary = client.topology.nodeForKey(key)?.id;
    expect(await onReplica.runScript(new Script(READ), [key], [])).toEqual([primary, 'v']);
    expect(await client.read2(key)).toEqual([primary, 'v']);
  });

  it('resends them in pipelines, once each, after the servers lost them', async () => {
    const script = newScript();
    const keys = Array.from({ length: 30 }, newKey);
    await client.script('LOAD', script.lua);
    await flush();
    const pipeline = client.pipeline();
    for (const key of keys) pipeline.get(key).evalsha(script.sha, 1, key).push2(`${key}:list`, 'v').get(key);
    const results = await pipeline.exec();
    expect(results.map(([error]) => error)).toEqual(results.map(() => null));
    expect(results.map(([, reply]) => reply)).toEqual(
      keys.flatMap((key) => [null, 1, [`${key}:list`, 1, 'v'], expect.anything()]),
    );
    expect(await Promise.all(keys.map((key) => client.get(key)))).toEqual(keys.map(() => '1'));
  });

  it('resends them for writes that wait for replicas', async () => {
    const key = newKey();
    const durable = client.with({ durability: { replicas: 1, timeoutMs: 5_000 } });
    await flush();
    expect(await durable.push2(key, 'v')).toEqual([key, 1, 'v']);
    await flush();
    expect(
      await client.with({ durability: { replicas: 1, timeoutMs: 5_000 }, retry: 'never' }).push2(key, 'w'),
    ).toEqual([key, 2, 'w']);
  });

  it('does not resolve a hash that was never defined', async () => {
    const { sha } = newScript();
    const unknown = { name: 'ReplyError', code: 'NOSCRIPT', applied: false };
    await expect(client.evalsha(sha, 1, newKey())).rejects.toMatchObject(unknown);
    await expect(
      client.with({ durability: { replicas: 1, timeoutMs: 100 } }).evalsha(sha, 1, newKey()),
    ).rejects.toMatchObject(unknown);
    await expect(client.multi().evalsha(sha, 1, newKey()).exec()).resolves.toEqual([
      [expect.objectContaining(unknown), undefined],
    ]);
  });

  it('runs them on a promoted replica', async () => {
    const key = newKey();
    const script = newScript();
    await client.script('LOAD', script.lua);
    expect(await client.evalsha(script.sha, 1, key)).toBe(1);
    await client.push2(`{${key}}list`, 'v');
    const replica = client.topology.nodeForKey(key, 'replica');
    await cluster.failover(replica?.name as string);
    await cluster.command(replica?.name as string, 'SCRIPT', 'FLUSH');
    expect(await client.evalsha(script.sha, 1, key)).toBe(2);
    expect(await client.push2(`{${key}}list`, 'w')).toEqual([`{${key}}list`, 2, 'w']);
    expect(client.topology.nodeForKey(key)?.id).toBe(replica?.id);
  });

  it('runs them on a primary that joined, even while the slot is moving', async () => {
    const [key, list] = ['{moves}count', '{moves}list'];
    const script = newScript();
    await client.script('LOAD', script.lua);
    await client.evalsha(script.sha, 1, key);
    const joined = await cluster.addNode();
    const slot = keySlot(key);
    const from = await cluster.primaryOfSlot(slot);
    // the client has to know the node to follow an ASK there
    await cluster.migrateSlots(
      [(slot + 1) % 16_384],
      await cluster.primaryOfSlot((slot + 1) % 16_384),
      joined,
    );
    await client.refreshTopology();
    const migration = await cluster.beginSlotMigration(slot, from, joined);
    await migration.moveKeys();
    expect(await client.evalsha(script.sha, 1, key)).toBe(2);
    expect(await client.pipeline().push2(list, 'v').evalsha(script.sha, 1, key).exec()).toEqual([
      [null, [list, 1, 'v']],
      [null, 3],
    ]);
    await migration.finish();
    await cluster.command(joined, 'SCRIPT', 'FLUSH');
    expect(await client.evalsha(script.sha, 1, key)).toBe(4);
    expect(await client.runScript(newScript(), [key], [])).toBe(5);
    expect(client.topology.nodeForSlot(slot)?.id).toBe(joined.id);
  });
});
