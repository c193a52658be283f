import { ClusterClient, CrossSlotError, InvalidArgumentError, PipelineUsedError } from 'keyslot';
import { sharedCluster } from '../../../cluster-fixture.js';

describe('a transaction on a healthy cluster', () => {
  const shared = sharedCluster();
  let client: ClusterClient;
  let tags = 0;
  /** Makes keys of one slot. */
  const newTag = (): ((name: string) => string) => {
    const tag = `${shared.keyspace}{${tags++}}`;
    return (name) => tag + name;
  };

  beforeAll(async () => {
    client = new ClusterClient({ nodes: shared.nodes });
    await client.connect();
  });

  afterAll(() => client.close());

  it('returns a reply for each command, in order', async () => {
    const key = newTag();
    expect(
      await client
        .multi()
        .set(key('a'), 1)
        .incrby(key('a'), 4)
        .hset(key('h'), { f: 'é', __proto__: 'x' })
        .hgetall(key('h'))
        .getBuffer(key('a'))
        .mget(key('a'), key('missing'))
        .exec(),
    ).toEqual([
      [null, 'OK'],
      [null, 5],
      [null, 1],
      [null, { f: 'é' }],
      [null, Buffer.from('5')],
      [null, ['5', null]],
    ]);
  });

  it('keeps bytes and text', async () => {
    const key = newTag();
    const bytes = Buffer.from([0, 128, 255]);
    expect(
      await client
        .multi()
        .set(key('b'), bytes)
        .getBuffer(key('b'))
        .rpush(key('l'), 'ü')
        .lrange(key('l'), 0, -1)
        .exec(),
    ).toEqual([
      [null, 'OK'],
      [null, bytes],
      [null, 1],
      [null, ['ü']],
    ]);
  });

  it('is visible to other clients as a whole or not at all', async () => {
    const key = newTag();
    const writers = Array.from({ length: 4 }, async () => {
      for (let i = 0; i < 50; i++) await client.multi().incr(key('a')).incr(key('b')).incr(key('c')).exec();
    });
    const readers = Array.from({ length: 4 }, async () => {
      for (let i = 0; i < 50; i++) {
        const [a, b, c] = await client.mget(key('a'), key('b'), key('c'));
        expect([a, b, c]).toEqual([a, a, a]);
      }
    });
    await Promise.all([...writers, ...readers]);
    expect(await client.get(key('c'))).toBe('200');
  });

  it('lets no command of another caller in between', async () => {
    const key = newTag();
    const all = await Promise.all(
      Array.from({ length: 20 }, async (_, i) => {
        const [transaction] = await Promise.all([
          client.multi().set(key('k'), i).get(key('k')).exec(),
          client.set(key('k'), 'x'),
          client.pipeline().set(key('k'), 'y').set(key('k'), 'z').exec(),
        ]);
        return transaction?.[1][1];
      }),
    );
    expect(all).toEqual(Array.from({ length: 20 }, (_, i) => String(i)));
  });

  it('continues after a command that fails when it runs, as Redis does', async () => {
    const key = newTag();
    await client.set(key('text'), 't');
    expect(
      await client.multi().incr(key('n')).lpush(key('text'), 'secret-value').incr(key('n')).exec(),
    ).toEqual([
      [null, 1],
      [expect.objectContaining({ name: 'ReplyError', code: 'WRONGTYPE' }), undefined],
      [null, 2],
    ]);
  });

  it('does nothing if a command cannot be queued', async () => {
    const key = newTag();
    const transaction = client.multi().set(key('n'), 1);
    (transaction as unknown as { call(...args: string[]): void }).call('get', key('n'), 'too', 'many');
    await expect(transaction.exec()).rejects.toMatchObject({
      name: 'ReplyError',
      code: 'EXECABORT',
      applied: false,
      cause: expect.objectContaining({ name: 'ReplyError', code: 'ERR' }),
    });
    expect(await client.exists(key('n'))).toBe(0);
    expect(await client.set(key('n'), 2)).toBe('OK');
  });

  it('passes the same result to a callback as to the promise', async () => {
    const key = newTag();
    const told: unknown[] = [];
    await client
      .multi()
      .incr(key('n'))
      .exec((error, results) => told.push(error, results));
    expect(told).toEqual([null, [[null, 1]]]);
    const failed = client.multi().set(key('n'), 1);
    (failed as unknown as { call(...args: string[]): void }).call('get', key('n'), 'too', 'many');
    const error = await new Promise((resolve) => {
      // nobody looks at the promise here
      void failed.exec(resolve);
    });
    expect(error).toMatchObject({ code: 'EXECABORT' });
  });

  it('rejects a second slot when a command is queued, and continues with the first', async () => {
    const [key, other] = [newTag(), newTag()];
    const transaction = client.multi().set(key('a'), 1);
    const refused = (() => {
      try {
        return transaction.set(other('b'), 1);
      } catch (error) {
        return error;
      }
    })();
    expect(refused).toBeInstanceOf(CrossSlotError);
    expect([...(refused as CrossSlotError).keysBySlot.values()]).toEqual([[key('a')], [other('b')]]);
    expect(() => transaction.mget(key('a'), other('b'))).toThrow(CrossSlotError);
    expect(() => transaction.del(key('a'), other('b'))).toThrow(CrossSlotError);
    expect(await transaction.set(key('c'), 1).exec()).toEqual([
      [null, 'OK'],
      [null, 'OK'],
    ]);
    expect(await client.exists(other('b'))).toBe(0);
  });

  it.each<[string, (transaction: ReturnType<ClusterClient['multi']>) => unknown]>([
    ['what blocks', (transaction) => transaction.blpop('k', 1)],
    ['what goes to several nodes', (transaction) => transaction.dbsize()],
    ['another multi', (transaction) => (transaction as unknown as { multi(): unknown }).multi()],
    ['watch', (transaction) => (transaction as unknown as { watch(key: string): unknown }).watch('k')],
    ['discard', (transaction) => (transaction as unknown as { discard(): unknown }).discard()],
  ])('rejects %s', (_, queue) => {
    expect(() => queue(client.multi())).toThrow(expect.objectContaining({ code: expect.any(String) }));
  });

  it('does nothing when it is empty', async () => {
    expect(await client.multi().exec()).toEqual([]);
  });

  it('can consist of keyless commands alone', async () => {
    expect(await client.multi().echo('a').echo('b').exec()).toEqual([
      [null, 'a'],
      [null, 'b'],
    ]);
  });

  it('can be used again after exec, also for another slot, and after a failure', async () => {
    const [one, other] = [newTag(), newTag()];
    const transaction = client.multi().incr(one('n'));
    const first = transaction.exec();
    await expect(transaction.exec()).rejects.toBeInstanceOf(PipelineUsedError);
    expect(await first).toEqual([[null, 1]]);
    expect(await transaction.incr(other('n')).exec()).toEqual([[null, 1]]);
    await expect(transaction.call('NOSUCH', one('n')).exec()).rejects.toMatchObject({ code: 'EXECABORT' });
    expect(await transaction.incr(one('n')).incr(one('n')).exec()).toEqual([
      [null, 2],
      [null, 3],
    ]);
  });

  it('accepts lists of commands, and no options', async () => {
    const key = newTag();
    expect(
      await client
        .multi([
          ['set', key('a'), 1],
          ['incr', key('a')],
        ])
        .exec(),
    ).toEqual([
      [null, 'OK'],
      [null, 2],
    ]);
    expect(() => client.multi({ pipeline: false } as never)).toThrow(InvalidArgumentError);
  });

  it('holds 10,000 commands', async () => {
    const key = newTag();
    const transaction = client.multi();
    for (let i = 0; i < 10_000; i++) transaction.incr(key('n'));
    const results = (await transaction.exec()) ?? [];
    expect(results.map(([, reply]) => reply)).toEqual(Array.from({ length: 10_000 }, (_, i) => i + 1));
  });
});
