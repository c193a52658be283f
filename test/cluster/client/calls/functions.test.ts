import { readFileSync } from 'node:fs';
import type { Result } from 'ioredis';
import { ClusterClient, CrossSlotError, keySlot, ReplyError, Script } from 'keyslot';
import { LocalCluster } from 'keyslot/testing';
import { eventually } from '../../../cluster-fixture.js';
import { snippetsOf } from '../../../docs-snippets.js';

declare module 'ioredis' {
  interface RedisCommander<Context> {
    take(key: string, count: number): Result<number, Context>;
    stock(key: string): Result<string | null, Context>;
  }
}

/** A library whose functions tell where they run (`who`), and count (`count`). */
const libraryOf = (name: string): string => `#!lua name=${name}
redis.register_function{
  function_name = '${name}_who', callback = function() return redis.call('CLUSTER', 'MYID') end, flags = {'no-writes'}
}
redis.register_function('${name}_count', function(keys, args) return redis.call('INCRBY', keys[1], args[1]) end)
redis.register_function('${name}_echo', function(keys, args) return {keys, args} end)`;

describe('function libraries', () => {
  let local: LocalCluster;
  let cluster: ClusterClient;

  beforeAll(async () => {
    local = await LocalCluster.start({ primaries: 2, replicasPerPrimary: 1 });
    cluster = new ClusterClient({ nodes: local.seeds });
    await cluster.function('LOAD', libraryOf('lib'));
  });

  afterAll(async () => {
    await cluster?.close();
    await local?.stop();
  });

  const ownersOf = (keys: readonly string[]): (string | undefined)[] =>
    keys.map((key) => cluster.topology.nodeForKey(key)?.id);

  it('are called on the node of the key', async () => {
    const keys = Array.from({ length: 20 }, (_, i) => `key-${i}`);
    expect(await Promise.all(keys.map((key) => cluster.fcall('lib_who', 1, key)))).toEqual(ownersOf(keys));
    expect(await cluster.fcall('lib_count', 1, 'counter', 3)).toBe(3);
    expect(await cluster.fcall('lib_echo', 2, '{k}1', '{k}2', 'é', 5)).toEqual([
      ['{k}1', '{k}2'],
      ['é', '5'],
    ]);
    const bytes = Buffer.from([0, 255]);
    expect(await cluster.callBuffer('fcall', 'lib_echo', 1, bytes, bytes)).toEqual([[bytes], [bytes]]);
  });

  it('run on any primary if there is no key', async () => {
    const calls = Array.from({ length: 60 }, () => cluster.fcall('lib_who', 0));
    const primaries = cluster.topology.primaries.map(({ id }) => id);
    expect(new Set(await Promise.all(calls))).toEqual(new Set(primaries));
    const inPipeline = cluster.pipeline();
    for (let i = 0; i < 60; i++)
      inPipeline.fcall('lib_who', 0).eval(`return redis.call('CLUSTER', 'MYID')`, 0);
    const replies = (await inPipeline.exec()).map(([, reply]) => reply);
    expect(new Set(replies)).toEqual(new Set(primaries));
  });

  it('are called on replicas if they only read', async () => {
    const keys = Array.from({ length: 10 }, (_, i) => `key-${i}`);
    const onReplica = cluster.with({ readFrom: 'replica' });
    const replicaOf = (key: string): string | undefined => cluster.topology.nodeForKey(key, 'replica')?.id;
    // replicas learn of functions a moment later
    await eventually(() =>
      Promise.all(keys.map((key) => onReplica.fcall_ro('lib_who', 1, key))).then(() => true),
    );
    const asked = await Promise.all(keys.map((key) => onReplica.fcall_ro('lib_who', 1, key)));
    expect(asked).toEqual(keys.map(replicaOf));
    const pipeline = onReplica.pipeline();
    for (const key of keys) pipeline.fcall_ro('lib_who', 1, key);
    expect((await pipeline.exec()).map(([, reply]) => reply)).toEqual(keys.map(replicaOf));
    // what may write goes to the primary, whatever the option says
    expect(await Promise.all(keys.map((key) => onReplica.fcall('lib_who', 1, key)))).toEqual(ownersOf(keys));
    await expect(cluster.fcall_ro('lib_count', 1, 'counter', 1)).rejects.toMatchObject({
      name: 'ReplyError',
    });
  });

  it('can be called in pipelines and transactions', async () => {
    expect(
      await cluster
        .pipeline()
        .fcall('lib_count', 1, 'many:a', 1)
        .fcall('lib_count', 1, 'many:b', 2)
        .callBuffer('fcall', 'lib_echo', 1, 'k', 'v')
        .fcall('lib_nosuch', 1, 'k')
        .exec(),
    ).toEqual([
      [null, 1],
      [null, 2],
      [null, [[Buffer.from('k')], [Buffer.from('v')]]],
      [
        expect.objectContaining({ message: expect.stringMatching(/^ERR Function not found \(FCALL on /) }),
        undefined,
      ],
    ]);
    expect(await cluster.multi().set('m', 5).fcall('lib_count', 1, 'm', 2).exec()).toEqual([
      [null, 'OK'],
      [null, 7],
    ]);
  });

  it('reject keys of two slots before anything is sent', async () => {
    for (const name of ['fcall', 'fcall_ro'] as const) {
      await expect(cluster[name]('lib_echo', 2, 'a', 'b')).rejects.toBeInstanceOf(CrossSlotError);
      expect(() => cluster.pipeline()[name]('lib_echo', 2, 'a', 'b')).toThrow(CrossSlotError);
    }
  });

  it.each<[string, unknown[]]>([
    ['no number', ['many', 'k']],
    ['a number with a unit', ['1k', 'k']],
    ['a fraction', [1.5, 'k']],
    ['less than none', [-1, 'k']],
    ['more than there are', [3, 'k', 'l']],
    ['more than a number holds', ['9'.repeat(30), 'k']],
    ['nothing', []],
    ['an empty text', ['', 'k']],
  ])('reject %s for the number of keys', async (_, args) => {
    for (const name of ['eval', 'eval_ro', 'evalsha', 'evalsha_ro', 'fcall', 'fcall_ro']) {
      await expect(cluster.call(name, 'x', ...(args as string[]))).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
        message: `${name}: numkeys must be a whole number, followed by that many keys`,
      });
    }
  });

  it('are loaded into a primary that joins, except those that were deleted or that it has', async () => {
    await cluster.function('LOAD', libraryOf('flushed'));
    await cluster.function('FLUSH');
    await cluster.function('LOAD', libraryOf('deleted'));
    await cluster.function('LOAD', libraryOf('versioned'));
    await cluster.function('LOAD', Buffer.from(libraryOf('kept').replace('name=', 'NAME=')));
    await cluster.function('LOAD', 'REPLACE', libraryOf('lib'));
    await cluster.function('DELETE', 'deleted');

    const joined = await local.addNode();
    const newer = libraryOf('versioned').replace(`redis.call('CLUSTER', 'MYID')`, `'newer'`);
    await local.command(joined, 'FUNCTION', 'LOAD', newer);
    const slot = keySlot('here');
    await local.migrateSlots([slot], await local.primaryOfSlot(slot), joined);

    expect(await cluster.fcall('lib_who', 1, 'here')).toBe(joined.id);
    expect(await cluster.fcall('kept_count', 1, 'here', 1)).toBe(1);
    expect(await cluster.fcall('versioned_who', 1, 'here')).toBe('newer');
    await expect(cluster.fcall('deleted_who', 1, 'here')).rejects.toThrow('Function not found');
    const listed = (await local.command(joined, 'FUNCTION', 'LIST')) as string[][];
    expect(listed.map(([, name]) => name).toSorted()).toEqual(['kept', 'lib', 'versioned']);
  });

  it('are loaded again into a server that has lost them, before the first call on the new connection', async () => {
    await cluster.function('LOAD', 'REPLACE', libraryOf('lib'));
    const key = 'key-1';
    const owner = await local.primaryOfSlot(keySlot(key));
    // what a server without persistence does as it starts again
    await local.command(owner, 'FUNCTION', 'FLUSH');
    await local.command(owner, 'CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'YES');
    await eventually(
      async () => (await cluster.fcall('lib_who', 1, key).catch(() => undefined)) === owner.id,
    );
    expect(await cluster.multi().fcall('lib_count', 1, key, 2).exec()).toEqual([[null, expect.any(Number)]]);
  });

  // every block of the page stands in this file as it stands there
  describe('docs/scripts.md', () => {
    it('shows only code that is executed here', () => {
      const here = squeezed(readFileSync(new URL(import.meta.url), 'utf8'));
      const blocks = snippetsOf('docs/scripts.md').map(({ code }) => code);
      expect(blocks.length).toBeGreaterThan(0);
      expect(blocks.filter((code) => !here.includes(squeezed(code)))).toEqual([]);
    });

    it('does what the page says', async () => {
      const shown: unknown[] = [];
      const console = { log: (value: unknown) => void shown.push(value) };
      const library = `#!lua name=shop
        redis.register_function('restock', function(keys, args) return redis.call('INCRBY', keys[1], args[1]) end)`;

      const take = new Script(`
        local left = tonumber(redis.call('GET', KEYS[1]) or '0') - tonumber(ARGV[1])
        if left < 0 then return redis.error_reply('SOLD_OUT there are not so many left') end
        redis.call('SET', KEYS[1], left)
        return left
      `);

      await cluster.set('stock:apples', 5);
      console.log(await cluster.runScript(take, ['stock:apples'], [2])); // 3

      cluster.defineCommand('take', { numberOfKeys: 1, lua: take.lua });
      cluster.defineCommand('stock', {
        numberOfKeys: 1,
        lua: `return redis.call('GET', KEYS[1])`,
        readOnly: true,
      });

      console.log(await cluster.take('stock:apples', 1)); // 2
      console.log(await cluster.stock('stock:apples')); // 2
      console.log(await cluster.pipeline().take('stock:apples', 1).stock('stock:apples').exec()); // [[null, 1], [null, '1']]

      await cluster.function('LOAD', 'REPLACE', library);
      console.log(await cluster.fcall('restock', 1, 'stock:apples', 10)); // 11

      try {
        await cluster.take('stock:apples', 100);
      } catch (error) {
        if (!(error instanceof ReplyError) || error.code !== 'SOLD_OUT') throw error;
      }

      const inPipeline = [
        [null, 1],
        [null, '1'],
      ];
      expect(shown).toEqual([3, 2, '2', inPipeline, 11]);
      await expect(cluster.take('stock:apples', 100)).rejects.toMatchObject({
        code: 'SOLD_OUT',
        applied: false,
      });
    });
  });
});

/** Code without what a formatter decides by the width that is left. */
const squeezed = (code: string): string => code.replace(/\s+/g, '').replace(/,(?=[\]})])/g, '');
