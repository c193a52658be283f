import { BlockedCommandError, ClusterClient, CrossSlotError, keySlot, type ClusterNode } from 'keyslot';
import { LocalCluster } from 'keyslot/testing';
import { eventually, sharedCluster } from '../../../cluster-fixture.js';
import { Relays } from '../../../fake-node.js';

describe('a healthy cluster, watched from outside', () => {
  const shared = sharedCluster();
  let client: ClusterClient;
  let relays: Relays;

  beforeAll(async () => {
    const scout = new ClusterClient({ nodes: shared.nodes });
    await scout.connect();
    relays = await Relays.start(scout.topology.nodes);
    await scout.close();
    client = new ClusterClient(relays.options);
    await client.connect();
  });

  afterAll(async () => {
    await client?.close();
    await relays?.stop();
  });

  beforeEach(() => relays.forget());

  const key = (name: string): string => `${shared.keyspace}${name}`;
  let spreads = 0;
  /** New keys, of several slots and nodes. */
  const spread = (count: number): string[] => {
    const name = `spread:${spreads++}:`;
    return Array.from({ length: count }, (_, i) => key(`${name}${i}`));
  };
  const primaryOf = (name: string): ClusterNode => client.topology.nodeForKey(name) as ClusterNode;

  it('sends every key straight to the owner of its slot', async () => {
    const keys = spread(200);
    await Promise.all(keys.map((name) => client.set(name, name)));
    expect(await Promise.all(keys.map((name) => client.get(name)))).toEqual(keys);
    expect(relays.seen('set', 'get')).toHaveLength(400);
    for (const name of keys) {
      expect(relays.at(primaryOf(name)).seen('get')).toContainEqual(['get', name]);
    }
    expect(new Set(keys.map((name) => primaryOf(name).name)).size).toBeGreaterThan(1);
  });

  describe('rejects keys of several slots before anything is sent', () => {
    const [a, b] = ['{a}', '{b}'].map(key);
    it.each<[string, () => Promise<unknown>]>([
      ['mget', () => client.mget(a, b)],
      ['mset', () => client.mset(a, 1, b, 2)],
      ['msetnx', () => client.msetnx({ [a]: 1, [b]: 2 })],
      ['rename', () => client.rename(a, b)],
      ['copy', () => client.copy(a, b)],
      ['sinter', () => client.sinter(a, b)],
      ['sunionstore', () => client.sunionstore(a, a, b)],
      ['zunionstore', () => client.zunionstore(a, 2, a, b)],
      ['lmpop', () => client.lmpop(2, a, b, 'LEFT')],
      ['blpop', () => client.blpop(a, b, 1)],
      ['xread', () => client.xread('STREAMS', a, b, '0', '0')],
      ['pfcount', () => client.pfcount(a, b)],
      ['sort', () => client.sort(a, 'STORE', b)],
      ['eval', () => client.eval('return 1', 2, a, b)],
      ['call', () => client.call('bitop', 'AND', a, a, b)],
    ])('%s', async (_, call) => {
      const error: unknown = await call().catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(CrossSlotError);
      expect(error).toMatchObject({ code: 'CROSS_SLOT', applied: false });
      const { keysBySlot, message } = error as CrossSlotError;
      expect([...keysBySlot].map(([slot, keys]) => [slot, [...new Set(keys)]])).toEqual([
        [keySlot(a), [a]],
        [keySlot(b), [b]],
      ]);
      expect(message).toContain('hash tag');
      expect(relays.seen()).toEqual([]);
    });
  });

  it('splits del, unlink, exists and touch by slot, and adds up the replies', async () => {
    const keys = spread(30);
    const missing = key('missing');
    await Promise.all(keys.map((name) => client.set(name, 1)));
    expect([
      await client.exists(keys),
      await client.exists(...keys, missing, keys[0], keys[0]),
      await client.touch(keys[0], keys[1], missing),
      await client.unlink(...keys.slice(0, 10), missing),
      await client.del(keys),
      await client.exists(keys),
    ]).toEqual([30, 32, 2, 10, 20, 0]);
  });

  it('runs keyless commands once, on the default node', async () => {
    expect(await client.echo('é')).toBe('é');
    expect(await client.time()).toHaveLength(2);
    expect(relays.at(client.topology.defaultNode as ClusterNode).seen('echo', 'time')).toHaveLength(2);
    expect(relays.seen('echo', 'time')).toHaveLength(2);
  });

  it('queries all shards if one shard knows only a part', async () => {
    const keys = spread(30);
    await Promise.all(keys.map((name) => client.set(name, 1)));
    const pattern = keys[0].replace(/0$/, '*');
    expect((await client.keys(pattern)).toSorted()).toEqual(keys.toSorted());
    expect(await client.dbsize()).toBeGreaterThanOrEqual(30);
    expect(await client.randomkey()).not.toBeNull();
    expect(await client.ping()).toBe('PONG');
    for (const primary of client.topology.primaries) {
      expect(relays.at(primary).seen('keys', 'dbsize', 'randomkey', 'ping')).toHaveLength(4);
    }
  });

  it.each([
    ['shutdown', () => client.shutdown()],
    ['replicaof', () => client.replicaof('NO', 'ONE')],
    ['slaveof', () => client.slaveof('NO', 'ONE')],
    ['swapdb', () => client.swapdb(0, 1)],
    ['move', () => client.move(key('k'), 1)],
    ['select', () => client.call('SELECT', 1)],
    ['watch', () => client.call('watch', key('k'))],
    ['multi', () => client.call('multi')],
    ['subscribe', () => client.call('subscribe', 'news')],
    ['monitor', () => client.call('monitor')],
    ['hello', () => client.call('hello', 3)],
    ['client reply', () => client.client('REPLY' as 'ID', 'OFF' as never)],
    ['cluster reset', () => client.cluster('RESET')],
    ['debug', () => client.call('debug', 'segfault')],
    // a server would take these for a web request, and close the connection
    ['post', () => client.call('POST', '/', 'HTTP/1.1')],
    ['post', () => client.target('primaries').call('post')],
    ['host:', () => client.call('HOST:', 'example.com')],
  ])('rejects %s, and says why', async (name, call) => {
    const error: unknown = await call().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(BlockedCommandError);
    expect((error as Error).message).toMatch(new RegExp(`^${name} is blocked: .{10}`, 'i'));
    expect(relays.seen()).toEqual([]);
  });

  it('allows a blocked command only if the options say so', async () => {
    const allowing = new ClusterClient({ nodes: shared.nodes, allowBlocked: ['MOVE'] });
    await expect(allowing.move(key('k'), 1)).rejects.toMatchObject({ name: 'ReplyError' });
    await expect(allowing.swapdb(0, 1)).rejects.toBeInstanceOf(BlockedCommandError);
    await allowing.close();
  });

  describe('with a key prefix', () => {
    let prefixed: ClusterClient;
    const prefix = key('prefix:');

    beforeAll(() => {
      prefixed = new ClusterClient({ nodes: shared.nodes, keyPrefix: prefix });
    });

    afterAll(() => prefixed.close());

    it('prefixes keys, and nothing else', async () => {
      await prefixed.mset({ '{p}a': 'a', '{p}b': 'b' });
      await prefixed.set(Buffer.from('buffer'), 'c');
      await prefixed.rpush('list', 'list');
      expect([
        await client.mget(`${prefix}{p}a`, `${prefix}{p}b`),
        await client.get(`${prefix}buffer`),
        await prefixed.eval('return {KEYS[1], ARGV[1]}', 1, 'k', 'k'),
        await prefixed.blpop('list', 1),
        await prefixed.del('{p}a', 'buffer', '{p}b'),
        await prefixed.pipeline().set('piped', 1).get('piped').exec(),
        await prefixed.multi().set('queued', 1).get('queued').exec(),
        await client.exists(`${prefix}piped`, `${prefix}queued`),
      ]).toEqual([
        ['a', 'b'],
        'c',
        [`${prefix}k`, 'k'],
        [`${prefix}list`, 'list'],
        3,
        [
          [null, 'OK'],
          [null, '1'],
        ],
        [
          [null, 'OK'],
          [null, '1'],
        ],
        2,
      ]);
    });

    it('finds the slot of the prefixed key', () => {
      expect(keySlot(`${prefix}{p}a`)).toBe(keySlot('{p}'));
    });
  });

  describe('writes once per node and turn of the event loop', () => {
    it('commands that are called together', async () => {
      const keys = spread(100);
      await Promise.all(keys.map((name) => client.set(name, 1)));
      const busy = new Set(keys.map((name) => primaryOf(name).name));
      for (const relay of relays.all) expect(relay.chunks).toHaveLength(busy.has(relay.name) ? 1 : 0);
      await Promise.all(keys.map((name) => client.get(name)));
      for (const relay of relays.all) expect(relay.chunks).toHaveLength(busy.has(relay.name) ? 2 : 0);
    });

    it('single commands, pipelines and transactions of different callers', async () => {
      const tagged = key('{turn}');
      await Promise.all([
        client.set(tagged, 1),
        client.pipeline().incr(tagged).incr(tagged).exec(),
        client.multi().incr(tagged).exec(),
        client.eval('return 1', 1, tagged),
        client.getBuffer(tagged),
      ]);
      expect(relays.all.flatMap(({ chunks }) => chunks).map((chunk) => chunk.map(([name]) => name))).toEqual([
        ['set', 'incr', 'incr', 'MULTI', 'incr', 'EXEC', 'eval', 'get'],
      ]);
    });

    it('commands that follow from replies that arrived together', async () => {
      const keys = Array.from({ length: 20 }, (_, i) => key(`{turn}${i}`));
      await Promise.all(
        keys.map(async (name) => {
          await client.set(name, 1);
          await client.incr(name);
        }),
      );
      expect(relays.all.flatMap(({ chunks }) => chunks).map((chunk) => chunk.length)).toEqual([20, 20]);
    });
  });
});

it.each<[string, (client: ClusterClient) => Promise<unknown>, unknown]>([
  ['on a shared connection', (client) => client.lmpop(2, '{a}1', '{a}2', 'LEFT'), ['{a}1', ['x']]],
  ['on a connection of its own', (client) => client.blpop('{a}1', '{a}2', 10), ['{a}1', 'x']],
])(
  'a call %s, with keys at both ends of a moving slot, runs once they are together',
  async (_, pop, popped) => {
    await using cluster = await LocalCluster.start({ primaries: 2, replicasPerPrimary: 0 });
    await using client = new ClusterClient({ nodes: cluster.seeds, deadlineMs: 15_000 });
    await client.rpush('{a}1', 'x');
    const from = await cluster.primaryOfSlot(keySlot('{a}'));
    const to = cluster.primaries.find((node) => node !== from)!;
    const migration = await cluster.beginSlotMigration(keySlot('{a}'), from, to);
    await migration.moveKeys();
    // the former owner redirects the call, and the new one refuses it for want of its second key
    const reply = pop(client);
    // more often than redirects are followed in a row
    await eventually(() => (client.stats().nodes[to.name].redirects.TRYAGAIN ?? 0) > 5);
    // the call does not hold up its slot
    await client.rpush('{a}2', 'x');
    // the slot still moves
    expect(await reply).toEqual(popped);
    await migration.finish();
  },
);
