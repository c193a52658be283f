import { ClusterClient, CrossSlotError, keySlot } from 'keyslot';
import { LocalCluster } from 'keyslot/testing';
import { eventually } from '../cluster-fixture.js';

/** A library whose functions tell where they run (`who`), and count (`count`). */
const library = (name: string): string => `#!lua name=${name}
redis.register_function{
  function_name = '${name}_who', callback = function() return redis.call('CLUSTER', 'MYID') end, flags = {'no-writes'}
}
redis.register_function('${name}_count', function(keys, args) return redis.call('INCRBY', keys[1], args[1]) end)
redis.register_function('${name}_echo', function(keys, args) return {keys, args} end)`;

describe('function libraries', () => {
  let cluster: LocalCluster;
  let client: ClusterClient;

  beforeAll(async () => {
    cluster = await LocalCluster.start({ primaries: 2, replicasPerPrimary: 1 });
    client = new ClusterClient({ nodes: cluster.seeds });
    await client.function('LOAD', library('lib'));
  }, 60_000);

  afterAll(async () => {
    await client?.close();
    await cluster?.stop();
  });

  const ownersOf = (keys: readonly string[]): (string | undefined)[] =>
    keys.map((key) => client.topology.nodeForKey(key)?.id);

  it('are called where the key is', async () => {
    const keys = Array.from({ length: 20 }, (_, i) => `key-${i}`);
    expect(await Promise.all(keys.map((key) => client.fcall('lib_who', 1, key)))).toEqual(ownersOf(keys));
    expect(await client.fcall('lib_count', 1, 'counter', 3)).toBe(3);
    expect(await client.fcall('lib_echo', 2, '{k}1', '{k}2', 'é', 5)).toEqual([
      ['{k}1', '{k}2'],
      ['é', '5'],
    ]);
    const bytes = Buffer.from([0, 255]);
    expect(await client.callBuffer('fcall', 'lib_echo', 1, bytes, bytes)).toEqual([[bytes], [bytes]]);
  });

  it('run on any primary where there is no key', async () => {
    const calls = Array.from({ length: 60 }, () => client.fcall('lib_who', 0));
    const primaries = client.topology.primaries.map(({ id }) => id);
    expect(new Set(await Promise.all(calls))).toEqual(new Set(primaries));
    const inPipeline = client.pipeline();
    for (let i = 0; i < 60; i++)
      inPipeline.fcall('lib_who', 0).eval(`return redis.call('CLUSTER', 'MYID')`, 0);
    const replies = (await inPipeline.exec()).map(([, reply]) => reply);
    expect(new Set(replies)).toEqual(new Set(primaries));
  });

  it('that only read are called on replicas', async () => {
    const keys = Array.from({ length: 10 }, (_, i) => `key-${i}`);
    const onReplica = client.with({ readFrom: 'replica' });
    const replicaOf = (key: string): string | undefined => client.topology.nodeForKey(key, 'replica')?.id;
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
    await expect(client.fcall_ro('lib_count', 1, 'counter', 1)).rejects.toMatchObject({ name: 'ReplyError' });
  });

  it('are called in pipelines and transactions', async () => {
    expect(
      await client
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
      [expect.objectContaining({ message: 'ERR Function not found' }), undefined],
    ]);
    expect(await client.multi().set('m', 5).fcall('lib_count', 1, 'm', 2).exec()).toEqual([
      [null, 'OK'],
      [null, 7],
    ]);
  });

  it('refuse keys of two slots before anything is sent', async () => {
    for (const name of ['fcall', 'fcall_ro'] as const) {
      await expect(client[name]('lib_echo', 2, 'a', 'b')).rejects.toBeInstanceOf(CrossSlotError);
      expect(() => client.pipeline()[name]('lib_echo', 2, 'a', 'b')).toThrow(CrossSlotError);
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
  ])('refuse %s for the number of keys', async (_, args) => {
    for (const name of ['eval', 'eval_ro', 'evalsha', 'evalsha_ro', 'fcall', 'fcall_ro']) {
      await expect(client.call(name, 'x', ...(args as string[]))).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
        message: `${name}: numkeys must be a whole number, with as many keys behind it`,
      });
    }
  });

  it('are given to a primary that joins, but for those that were dropped, or that it has', async () => {
    await client.function('LOAD', library('flushed'));
    await client.function('FLUSH');
    await client.function('LOAD', library('deleted'));
    await client.function('LOAD', library('versioned'));
    await client.function('LOAD', Buffer.from(library('kept').replace('name=', 'NAME=')));
    await client.function('LOAD', 'REPLACE', library('lib'));
    await client.function('DELETE', 'deleted');

    const joined = await cluster.addNode();
    const newer = library('versioned').replace(`redis.call('CLUSTER', 'MYID')`, `'newer'`);
    await cluster.command(joined, 'FUNCTION', 'LOAD', newer);
    const slot = keySlot('here');
    await cluster.migrateSlots([slot], await cluster.primaryOfSlot(slot), joined);

    expect(await client.fcall('lib_who', 1, 'here')).toBe(joined.id);
    expect(await client.fcall('kept_count', 1, 'here', 1)).toBe(1);
    expect(await client.fcall('versioned_who', 1, 'here')).toBe('newer');
    await expect(client.fcall('deleted_who', 1, 'here')).rejects.toThrow('Function not found');
    const listed = (await cluster.command(joined, 'FUNCTION', 'LIST')) as string[][];
    expect(listed.map(([, name]) => name).toSorted()).toEqual(['kept', 'lib', 'versioned']);
  });
});
