import { Cluster } from 'ioredis';
import {
  ClusterClient,
  type ClusterClientOptions,
  ClusterEntity,
  type ClusterSortedSet,
  Counter,
  createRepositories,
  InvalidArgumentError,
  PrimaryKey,
  Property,
  SortedSetOf,
} from 'keyslot';
import { eventually, sharedCluster } from '../../../cluster-fixture.js';

const { nodes, keyspace } = sharedCluster();

@ClusterEntity({ name: `${keyspace.replaceAll(/[^a-z0-9]/gi, '')}Scored` })
class Scored {
  @PrimaryKey() id!: string;
  @Property() rank!: number;
  @Counter() seen!: number;
  @SortedSetOf(String) board!: ClusterSortedSet<string>;
}

/** Buffers in lists and objects as text. */
function asText(reply: unknown): unknown {
  if (Buffer.isBuffer(reply)) return reply.toString();
  if (Array.isArray(reply)) return reply.map(asText);
  if (typeof reply !== 'object' || reply === null) return reply;
  return Object.entries(reply).map(([field, value]) => [field, asText(value)]);
}

type Mapping = Pick<ClusterClientOptions, 'replyMapping' | 'stringNumbers'>;
const MAPPINGS: readonly Mapping[] = [
  { replyMapping: 'resp3' },
  { replyMapping: 'resp3', stringNumbers: true },
  { stringNumbers: true },
];

/** Calls that read what `fill` has written; each has another shape in RESP3, or holds numbers. */
const READS: readonly (readonly [name: string, ...args: (string | number)[]])[] = [
  ['zscore', 'z', 'a'],
  ['zscore', 'z', 'infinite'],
  ['zmscore', 'z', 'a', 'none'],
  ['zrange', 'z', 0, -1, 'WITHSCORES'],
  ['zrangebyscore', 'z', 0, 5, 'WITHSCORES'],
  ['zrevrange', 'z', 0, -1],
  ['zrandmember', 'one', 1, 'WITHSCORES'],
  ['zunion', 2, 'z', 'one', 'WITHSCORES'],
  ['zincrby', 'z', 0, 'a'],
  ['zcard', 'z'],
  ['hgetall', 'h'],
  ['hgetall', 'none'],
  ['hrandfield', 'h1', 1, 'WITHVALUES'],
  ['hincrbyfloat', 'h', 'f', 0],
  ['smembers', 's'],
  ['xread', 'STREAMS', 'x', '0'],
  ['xinfo', 'STREAM', 'x'],
  ['lcs', 'l1', 'l2', 'IDX'],
  ['object', 'ENCODING', 'z'],
  ['config', 'GET', 'maxmemory-policy'],
  ['geodist', 'g', 'a', 'b'],
  ['get', 'none'],
  ['strlen', 'l1'],
  ['eval', 'return {1, {2, "x"}, false}', 0],
];
const PLAIN = new Set(['x', 'z', 'h', 'h1', 's', 'one', 'l1', 'l2', 'g', 'none']);

describe.each(MAPPINGS)('replies in the shapes of ioredis with %j', (mapping) => {
  const tag = `{${keyspace}${JSON.stringify(mapping).replaceAll(/\W/g, '')}}`;
  const named = (args: readonly (string | number)[]): (string | number)[] =>
    args.map((arg) => (typeof arg === 'string' && PLAIN.has(arg) ? `${tag}${arg}` : arg));
  let client: ClusterClient;
  let theirs: Cluster;

  beforeAll(async () => {
    client = new ClusterClient({ nodes, protocol: 3, ...mapping });
    theirs = new Cluster([...nodes], { redisOptions: { protocol: 3, ...mapping } } as never);
    await client.zadd(`${tag}z`, 1.5, 'a', 2, 'b', '+inf', 'infinite');
    await client.zadd(`${tag}one`, 7, 'a');
    await client.hset(`${tag}h`, 'f', '2.5', '__proto__', 'data', 'constructor', 'data');
    await client.hset(`${tag}h1`, 'f', '1');
    await client.sadd(`${tag}s`, 'one');
    await client.xadd(`${tag}x`, '1-1', 'f', 'v');
    await client.mset(`${tag}l1`, 'ohmytext', `${tag}l2`, 'mynewtext');
    await client.geoadd(`${tag}g`, 13.3, 38.1, 'a', 15, 37.5, 'b');
  });
  afterAll(async () => {
    theirs.disconnect();
    await client.close();
  });

  const ask = (on: object, [name, ...args]: readonly (string | number)[], suffix = ''): Promise<unknown> =>
    (on as Record<string, (...args: unknown[]) => Promise<unknown>>)[`${name}${suffix}`](...named(args));

  it.each(['', 'Buffer'])('on shared connections %s', async (suffix) => {
    // doubles of RESP3, where they are text: a Buffer in ours, as all that is text, and a string in theirs
    const compared = mapping.replyMapping === undefined && suffix !== '' ? asText : (reply: unknown) => reply;
    for (const read of READS) {
      const [ours, other] = [await ask(client, read, suffix), await ask(theirs, read, suffix)].map(compared);
      expect([read[0], ours]).toEqual([read[0], other]);
    }
  });

  it('in pipelines and transactions', async () => {
    const keyed = READS.filter(([name]) => name !== 'config');
    for (const kind of ['pipeline', 'multi'] as const) {
      const [ours, other] = [client[kind](), theirs[kind]()];
      for (const read of keyed) {
        void ask(ours, read);
        void ask(other, read);
      }
      // one reply as Buffers has the others decoded as text
      void ask(ours, ['hgetall', 'h'], 'Buffer');
      void ask(other, ['hgetall', 'h'], 'Buffer');
      expect([kind, await ours.exec()]).toEqual([kind, await other.exec()]);
    }
  });

  it('on leased connections', async () => {
    const blocking = [['xread', 'BLOCK', 1000, 'STREAMS', 'x', '0']] as const;
    for (const read of blocking) expect(await ask(client, read)).toEqual(await ask(theirs, read));
    const pop = async (on: ClusterClient | Cluster): Promise<unknown> => {
      await client.zadd(`${tag}pop`, 1.5, 'm');
      return on.bzpopmin(`${tag}pop`, 1);
    };
    expect(await pop(client)).toEqual(await pop(theirs));
    const keyed = READS.filter(([name]) => name !== 'config' && name !== 'eval');
    const watched = await client.transaction([`${tag}z`], async (tx) => {
      const inside: unknown[] = [];
      for (const read of keyed) inside.push(await ask(tx, read));
      const block = tx.multi();
      for (const read of keyed) void ask(block, read);
      expect(inside).toEqual(await Promise.all(keyed.map((read) => ask(theirs, read))));
      return block;
    });
    const expected = await Promise.all(keyed.map((read) => ask(theirs, read)));
    expect(watched).toEqual(expected.map((reply) => [null, reply]));
  });

  it('from named nodes, and from duplicates', async () => {
    const node = client.topology.nodeForKey(`${tag}z`);
    const reply = await client.target(node as never).zrange(`${tag}z`, '0', '-1', 'WITHSCORES');
    expect(reply).toEqual(await theirs.zrange(`${tag}z`, '0', '-1', 'WITHSCORES'));
    const copy = client.duplicate();
    expect(await copy.zscore(`${tag}z`, 'a')).toEqual(await theirs.zscore(`${tag}z`, 'a'));
    await copy.close();
  });

  it('do not affect scans, commands over several slots, and entities', async () => {
    const keys: string[] = [];
    for await (const key of client.scanIterator({ match: `${tag}*` })) keys.push(key);
    expect(keys).toContain(`${tag}z`);
    const scores: unknown[] = [];
    for await (const pair of client.zscanIterator(`${tag}one`)) scores.push(pair);
    expect(scores).toEqual([['a', '7']]);
    expect(await client.nonAtomic.mget([`${tag}l1`])).toEqual(['ohmytext']);

    const repository = createRepositories(client, [Scored]).repository(Scored);
    const row = await repository.insert(repository.create({ id: '1', rank: 2.5 }));
    await repository.increment('1', 'seen', 3);
    await row.board.add('m', 1.5);
    expect(await row.board.score('m')).toBe(1.5);
    expect(await repository.findOne('1')).toMatchObject({ rank: 2.5, seen: 3 });
    await repository.delete('1');
  });
});

it('requires RESP3, and no bigints', async () => {
  expect(() => new ClusterClient({ nodes, replyMapping: 'resp3' })).toThrow(InvalidArgumentError);
  expect(() => new ClusterClient({ nodes, protocol: 3, replyMapping: 'other' as 'resp3' })).toThrow(
    'one of legacy, resp3',
  );
  const client = new ClusterClient({ nodes, protocol: 3, replyMapping: 'resp3' });
  expect(() => client.with({ integers: 'bigint' })).toThrow(InvalidArgumentError);
  await client.close();
  await eventually(() => client.status === 'end');
});
