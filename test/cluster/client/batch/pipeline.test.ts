import {
  BlockedCommandError,
  ClusterClient,
  CrossSlotError,
  InvalidArgumentError,
  PipelineUsedError,
  ReplyError,
  type ClusterNode,
} from 'keyslot';
import { sharedCluster } from '../../../cluster-fixture.js';
import { Relays } from '../../../fake-node.js';

describe('a pipeline on a healthy cluster', () => {
  const shared = sharedCluster();
  /** Goes through relays, which see what is sent. */
  let client: ClusterClient;
  /** Goes straight to the nodes. */
  let direct: ClusterClient;
  let relays: Relays;

  beforeAll(async () => {
    direct = new ClusterClient({ nodes: shared.nodes });
    await direct.connect();
    relays = await Relays.start(direct.topology.nodes);
    client = new ClusterClient(relays.options);
    await client.connect();
  });

  afterAll(async () => {
    await direct?.close();
    await client?.close();
    await relays?.stop();
  });

  const key = (name: string | number): string => `${shared.keyspace}${name}`;
  const spread = (name: string, count: number): string[] =>
    Array.from({ length: count }, (_, i) => key(`${name}:${i}`));

  it('sends commands to any nodes and returns replies in call order', async () => {
    const keys = spread('order', 100);
    const pipeline = client.pipeline();
    for (const name of keys) pipeline.set(name, name).get(name);
    expect(pipeline.length).toBe(200);
    expect(await pipeline.exec()).toEqual(
      keys.flatMap((name) => [
        [null, 'OK'],
        [null, name],
      ]),
    );
    expect(new Set(keys.map((name) => client.topology.nodeForKey(name)?.name)).size).toBeGreaterThan(1);
  });

  it('writes to all nodes before any of them answers, once per node', async () => {
    const keys = spread('once', 100);
    relays.forget();
    const pipeline = client.pipeline();
    for (const name of keys) pipeline.set(name, 1);
    await pipeline.exec();
    for (const primary of client.topology.primaries) expect(relays.at(primary).chunks).toHaveLength(1);
    expect(relays.seen('set')).toHaveLength(100);
  });

  it('keeps the order within a slot', async () => {
    const [list, counter] = [key('{slot}list'), key('{slot}counter')];
    const pipeline = client.pipeline();
    for (let i = 0; i < 500; i++) pipeline.rpush(list, i).incr(counter);
    const results = await pipeline.exec();
    expect(results?.filter((_, i) => i % 2 === 1)).toEqual(
      Array.from({ length: 500 }, (_, i) => [null, i + 1]),
    );
    expect(await client.lrange(list, 0, -1)).toEqual(Array.from({ length: 500 }, (_, i) => String(i)));
  });

  it('returns errors at their positions, and all other results as usual', async () => {
    const [text, other] = [key('text'), key('other')];
    await client.set(text, 'planted');
    const results = await client
      .pipeline()
      .get(text)
      .lpush(text, 'secret-value')
      .incr(other)
      .call('NOSUCH', other)
      .call('get', other, 'too', 'many')
      .getBuffer(text)
      .exec();
    expect(results).toEqual([
      [null, 'planted'],
      [expect.objectContaining({ name: 'ReplyError', code: 'WRONGTYPE' }), undefined],
      [null, 1],
      [expect.objectContaining({ name: 'ReplyError', code: 'ERR' }), undefined],
      [expect.objectContaining({ name: 'ReplyError', code: 'ERR' }), undefined],
      [null, Buffer.from('planted')],
    ]);
    expect(results?.map(([error]) => String(error)).join()).not.toContain('secret-value');
  });

  it('keeps the order of a slot among replies of different forms, and commands without keys', async () => {
    const [hash, text] = [key('{forms}hash'), key('{forms}text')];
    const pipeline = client.pipeline();
    for (let i = 0; i < 50; i++)
      pipeline.hset(hash, 'n', i).hgetall(hash).set(text, i).getBuffer(text).echo(String(i)).get(text);
    const results = await pipeline.exec();
    expect(results).toEqual(
      Array.from({ length: 50 }, (_, i) => [
        [null, i === 0 ? 1 : 0],
        [null, { n: String(i) }],
        [null, 'OK'],
        [null, Buffer.from(String(i))],
        [null, String(i)],
        [null, String(i)],
      ]).flat(),
    );
  });

  it('gives an error the place of its own command', async () => {
    const keys = spread('place', 60);
    await Promise.all(keys.map((name, i) => (i % 3 === 0 ? direct.set(name, 'v') : direct.rpush(name, 'v'))));
    const pipeline = client.pipeline();
    for (const name of keys) pipeline.get(name);
    const results = await pipeline.exec();
    for (const [i, [error, reply]] of results.entries()) {
      if (i % 3 === 0) expect([error, reply]).toEqual([null, 'v']);
      else {
        const node = client.topology.nodeForKey(keys[i])?.name;
        expect(error).toBeInstanceOf(ReplyError);
        expect(error).toMatchObject({ code: 'WRONGTYPE', command: 'GET', node, attempts: 1 });
      }
    }
  });

  it('accepts keyless commands, callbacks, and lists of commands', async () => {
    const told: unknown[] = [];
    const name = key('list');
    const pipeline = client.pipeline([
      ['set', name, 1],
      ['incr', name],
    ]);
    pipeline.get(name, (error, reply) => told.push([error, reply]));
    pipeline.lpush(name, 1, (error) => told.push((error as { code?: string } | null)?.code));
    pipeline.echo('hello').time();
    const results = await pipeline.exec((error, all) => told.push([error, all?.length]));
    expect(results?.slice(0, 5)).toEqual([
      [null, 'OK'],
      [null, 2],
      [null, '2'],
      [expect.objectContaining({ code: 'WRONGTYPE' }), undefined],
      [null, 'hello'],
    ]);
    expect(told).toEqual([[null, '2'], 'WRONGTYPE', [null, 6]]);
  });

  it('does nothing when it is empty', async () => {
    relays.forget();
    expect(await client.pipeline().exec()).toEqual([]);
    expect(relays.seen()).toEqual([]);
  });

  it('can be used again after exec, with the commands queued since', async () => {
    const name = key('twice');
    const pipeline = client.pipeline().incr(name);
    expect(await pipeline.exec()).toEqual([[null, 1]]);
    expect(pipeline.length).toBe(0);
    expect(await pipeline.exec()).toEqual([]);
    const told: unknown[] = [];
    const results = pipeline.incr(name, (_, reply) => told.push(reply)).exec();
    // what is queued meanwhile is for the next time
    pipeline.incrby(name, 10);
    expect(await results).toEqual([[null, 2]]);
    expect(told).toEqual([2]);
    expect(await pipeline.exec()).toEqual([[null, 12]]);
  });

  it('allows one pending exec at a time, and loses nothing', async () => {
    const name = key('at once');
    const pipeline = client.pipeline().incr(name);
    const first = pipeline.exec();
    pipeline.incr(name);
    await expect(pipeline.exec()).rejects.toBeInstanceOf(PipelineUsedError);
    expect(await first).toEqual([[null, 1]]);
    expect(await pipeline.exec()).toEqual([[null, 2]]);
  });

  it('sends the text of a script again each time', async () => {
    const own = client.duplicate();
    own.defineCommand('raise', { numberOfKeys: 1, lua: "return redis.call('INCR', KEYS[1])" });
    const pipeline = own.pipeline();
    const raise = (): unknown =>
      (pipeline as unknown as { raise(key: string): unknown }).raise(key('raised'));
    raise();
    expect(await pipeline.exec()).toEqual([[null, 1]]);
    await client.script('FLUSH');
    raise();
    expect(await pipeline.exec()).toEqual([[null, 2]]);
    await own.close();
  });

  it('sends nothing until it is executed', async () => {
    relays.forget();
    client.pipeline().set(key('never'), 1);
    await client.echo('later');
    expect(relays.seen('set')).toEqual([]);
  });

  describe('rejects when a command is queued', () => {
    const [a, b] = ['{a}', '{b}'].map(key);
    type Pipeline = ReturnType<ClusterClient['pipeline']>;
    it.each<[string, (pipeline: Pipeline) => unknown, new (...args: never[]) => Error]>([
      ['keys of several slots', (pipeline) => pipeline.mget(a, b), CrossSlotError],
      ['a del that would be split', (pipeline) => pipeline.del(a, b), CrossSlotError],
      ['an exists that would be split', (pipeline) => pipeline.exists(a, b), CrossSlotError],
      ['what goes to all shards', (pipeline) => pipeline.dbsize(), InvalidArgumentError],
      ['what goes to all nodes', (pipeline) => pipeline.config('RESETSTAT'), InvalidArgumentError],
      ['keys of the whole cluster', (pipeline) => pipeline.keys('*'), InvalidArgumentError],
      ['what blocks', (pipeline) => pipeline.blpop(a, 1), InvalidArgumentError],
      [
        'a blocking read of a stream',
        (pipeline) => pipeline.xread('BLOCK', 1, 'STREAMS', a, '0'),
        InvalidArgumentError,
      ],
      ['blocked commands', (pipeline) => pipeline.shutdown(), BlockedCommandError],
      ['words of a web request', (pipeline) => pipeline.call('POST', '/'), BlockedCommandError],
      ['arguments without a text', (pipeline) => pipeline.set(a, undefined as never), InvalidArgumentError],
    ])('%s', async (_, queue, expected) => {
      const pipeline = client.pipeline([['set', a, 'kept']]);
      expect(() => queue(pipeline)).toThrow(expected);
      expect(pipeline.length).toBe(1);
      // and what was queued before is none the worse
      expect(await pipeline.exec()).toEqual([[null, 'OK']]);
    });

    it('a pipeline inside it', () => {
      const pipeline = client.pipeline() as unknown as { multi(): unknown; pipeline?(): unknown };
      expect(() => pipeline.multi()).toThrow();
    });

    it('a list with an entry that is not a command', () => {
      expect(() => client.pipeline([['set', a, 1], []])).toThrow(InvalidArgumentError);
      expect(() => client.pipeline(['set' as unknown as string[]])).toThrow(InvalidArgumentError);
      expect(() => client.pipeline('set' as unknown as string[][])).toThrow(InvalidArgumentError);
    });
  });

  it('holds 100,000 commands', async () => {
    const pipeline = direct.pipeline();
    for (let i = 0; i < 100_000; i++) pipeline.incrby(key(`many:${i % 5_000}`), i);
    const results = (await pipeline.exec()) ?? [];
    expect(results.filter(([error]) => error !== null)).toEqual([]);
    const sums = new Map<number, number>();
    const expected = Array.from({ length: 100_000 }, (_, i) => {
      const sum = (sums.get(i % 5_000) ?? 0) + i;
      sums.set(i % 5_000, sum);
      return sum;
    });
    expect(results.every(([, reply], i) => reply === expected[i])).toBe(true);
    expect(await direct.unlink(Array.from({ length: 5_000 }, (_, i) => key(`many:${i}`)))).toBe(5_000);
  });

  it('holds more bytes than the queue of one node', async () => {
    const megabyte = Buffer.alloc(2 ** 20, 'x');
    const pipeline = direct.pipeline();
    for (let i = 0; i < 80; i++) pipeline.set(key('{bytes}'), megabyte);
    const results = (await pipeline.exec()) ?? [];
    expect(results.map(([error]) => error)).toEqual(results.map(() => null));
    await direct.unlink(key('{bytes}'));
  });

  it('shares the connection with single calls, each in turn', async () => {
    const name = key('turns');
    const node = client.topology.nodeForKey(name) as ClusterNode;
    relays.forget();
    const first = client.set(name, 'a');
    const piped = client.pipeline().append(name, 'b').append(name, 'c').exec();
    const last = client.get(name);
    expect([await first, await piped, await last]).toEqual([
      'OK',
      [
        [null, 2],
        [null, 3],
      ],
      'abc',
    ]);
    expect(relays.at(node).chunks).toHaveLength(1);
  });

  it('a redefined command applies to pipelines created from then on', async () => {
    const own = new ClusterClient({
      nodes: shared.nodes,
      scripts: { told: { lua: 'return 1', numberOfKeys: 1 } },
    });
    type Told = { told(key: string): Promise<unknown> };
    const before = own.with({ deadlineMs: 60_000 }) as unknown as Told;
    expect(await before.told(`${shared.keyspace}k`)).toBe(1);
    own.defineCommand('told', { lua: 'return 2', numberOfKeys: 1 });
    const after = own.with({ deadlineMs: 60_000 });
    expect(await (after as unknown as Told).told(`${shared.keyspace}k`)).toBe(2);
    expect(await own.pipeline([['told', `${shared.keyspace}k`]]).exec()).toEqual([[null, 2]]);
    const queued = after.multi() as unknown as Told & { exec(): Promise<unknown> };
    void queued.told(`${shared.keyspace}k`);
    expect(await queued.exec()).toEqual([[null, 2]]);
    await own.close();
  });
});
