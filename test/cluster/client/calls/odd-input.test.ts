import { Cluster } from 'ioredis';
import { ClusterClient, InvalidArgumentError, keySlot } from 'keyslot';
import { eventually, sharedCluster } from '../../../cluster-fixture.js';

const { nodes, keyspace } = sharedCluster();
const open: ClusterClient[] = [];
const connect = (): ClusterClient => {
  const client = new ClusterClient({ nodes });
  open.push(client);
  return client;
};
let client: ClusterClient;
let theirs: Cluster;

beforeAll(() => {
  client = connect();
  theirs = new Cluster(nodes);
});
afterAll(async () => {
  await theirs.quit();
  await Promise.all(open.map((one) => one.close()));
});

const refused = (argument: string) => ({ code: 'INVALID_ARGUMENT', argument, applied: false });

/** Makes one of the untyped calls that JavaScript allows. */
const untyped = (value: object) => value as Record<string, (...args: unknown[]) => Promise<unknown>>;

describe('keys with braces in unusual places', () => {
  const keys = ['{}', '{}{a}', '{{a}}', 'a{', 'a}', '}{', 'a{b', '{a}{b}', 'a{}b{c}', '{\0}x', '{é}', '{'];

  it.each(keys)('%j is stored where ioredis stores it', async (odd) => {
    const key = odd + keyspace;
    await theirs.set(key, odd);
    expect(await client.get(key)).toBe(odd);
    expect(await client.getBuffer(Buffer.from(key))).toEqual(Buffer.from(odd));
    expect(await client.cluster('KEYSLOT', key)).toBe(keySlot(key));
    expect(await client.del(key)).toBe(1);
    expect(await theirs.exists(key)).toBe(0);
  });

  it('can be used together if their tags are equal, as text and as bytes', async () => {
    const tag = `{${keyspace}}`;
    await client.mset(`${tag}{b}`, '1', Buffer.from(`a${tag}{c}`), '2');
    expect(await client.mget(`${tag}{b}`, `a${tag}{c}`)).toEqual(['1', '2']);
    await expect(client.mget('{}{a}', '{}{b}')).rejects.toMatchObject({ code: 'CROSS_SLOT' });
  });
});

describe('numbers, maps and lists', () => {
  it.each<[unknown, string]>([
    [-0, '0'],
    [1e21, '1000000000000000000000'],
    [1e-7, '1e-7'],
    [2 ** 53, '9007199254740992'],
    [10n ** 30n, `1${'0'.repeat(30)}`],
    [true, 'true'],
  ])('%p is written as %s', async (value, text) => {
    await untyped(client).set(`${keyspace}n`, value);
    expect(await client.get(`${keyspace}n`)).toBe(text);
  });

  it('are flattened as in ioredis', async () => {
    const key = `{${keyspace}args}`;
    const both = [client, theirs].map(untyped);
    for (const [i, one] of both.entries()) {
      const at = `${key}${i}`;
      const map = new Map<string, unknown>([
        ['a', 1],
        ['b', Buffer.from('x')],
      ]);
      expect(await one.hset(`${at}h`, map)).toBe(2);
      expect(await one.hset(`${at}h`, { c: 3 }, ...[])).toBe(1);
      expect(await one.hgetall(`${at}h`)).toEqual({ a: '1', b: 'x', c: '3' });
      expect(await one.rpush(`${at}l`, 1, [2, 3], '4')).toBe(4);
      expect(await one.lrange(`${at}l`, 0, -1)).toEqual(['1', '2', '3', '4']);
      expect(await one.mset(new Map([[`${at}m`, 'v']]))).toBe('OK');
      expect(await one.mget([`${at}m`])).toEqual(['v']);
      expect(await one.eval('return {KEYS[1], ARGV[1]}', [1, at, 'x'])).toEqual([at, 'x']);
    }
  });
});

describe('empty input', () => {
  it('results in empty replies for an empty pipeline and an empty transaction', async () => {
    expect(await client.pipeline().exec()).toEqual([]);
    expect(await client.pipeline([]).exec()).toEqual([]);
    expect(await client.multi().exec()).toEqual(await theirs.multi().exec());
    expect(await client.pubsub.publishMany([])).toEqual([]);
  });

  it('results in an empty scan for a missing key', async () => {
    const missing = `${keyspace}missing`;
    for (const name of ['sscan', 'hscan', 'zscan'] as const)
      expect(await untyped(client)[name](missing, 0)).toEqual(await untyped(theirs)[name](missing, 0));
    for (const walk of [
      client.sscanIterator(missing),
      client.hscanIterator(missing),
      client.zscanIterator(missing),
    ]) {
      const seen: unknown[] = [];
      for await (const element of walk) seen.push(element);
      expect(seen).toEqual([]);
    }
  });
});

describe('invalid names', () => {
  const names = [undefined, null, 7, '', {}, ['get', 'k'], Buffer.from('GET')];

  it.each(names)('of a command, %p, is rejected before anything is sent', async (name) => {
    const fresh = connect();
    const error = refused('name');
    await expect(untyped(fresh).call(name, 'k')).rejects.toMatchObject(error);
    await expect(untyped(fresh).callBuffer(name)).rejects.toMatchObject(error);
    expect(() => untyped(fresh.pipeline()).call(name, 'k')).toThrow(InvalidArgumentError);
    expect(() => untyped(fresh.multi()).call(name, 'k')).toThrow(InvalidArgumentError);
    expect(fresh.status).toBe('wait');
    await expect(untyped(client.target('default')).call(name)).rejects.toMatchObject(error);
  });

  it('a valid command is found in any case, and so is its subcommand', async () => {
    const slot = keySlot('k');
    for (const [name, subcommand] of [
      ['cluster', 'keyslot'],
      ['CLUSTER', 'KeySlot'],
      ['Cluster', 'KEYSLOT'],
    ])
      expect(await client.call(name, subcommand, 'k')).toBe(slot);
    expect(await client.call('config', 'get', 'maxmemory')).toEqual(await client.config('GET', 'maxmemory'));
    expect(await client.call('object', 'encoding', `${keyspace}none`)).toBeNull();
  });

  it.each([undefined, null, {}, [], true])('of a key, %p, has no slot', (key) => {
    expect(() => keySlot(key as never)).toThrow(InvalidArgumentError);
  });

  it('of nodes, and nodes of another cluster, are rejected', async () => {
    await client.connect();
    for (const target of ['127.0.0.1:9', 'Primaries', null, {}, [undefined]])
      await expect((async () => client.target(target as never).ping())()).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
      });
    const stranger = { ...client.topology.primaries[0], name: '127.0.0.1:9', port: 9 };
    await expect(client.target(stranger).ping()).rejects.toMatchObject({ code: 'UNKNOWN_NODE' });
  });
});

describe('a misspelled option is rejected, not ignored', () => {
  it('of scans', async () => {
    const options = { mach: 'x*' } as object;
    await expect(client.scanIterator(options).next()).rejects.toMatchObject(refused('mach'));
    await expect(client.sscanIterator('k', options).next()).rejects.toMatchObject(refused('mach'));
    await expect(client.hscanIterator('k', null as never).next()).rejects.toMatchObject(refused('options'));
    const failed = new Promise((_resolve, reject) =>
      client.scanStream(options).once('error', reject).resume(),
    );
    await expect(failed).rejects.toMatchObject(refused('mach'));
  });

  it('of pub/sub', async () => {
    const { pubsub } = client;
    const misspelt = { codek: 'text' } as object;
    for (const observe of [pubsub.channel, pubsub.pattern, pubsub.sharded]) {
      expect(() => observe('a', misspelt)).toThrow(expect.objectContaining(refused('codek')) as Error);
      expect(() => observe('a', null as never)).toThrow(expect.objectContaining(refused('options')) as Error);
    }
    expect(() => pubsub.keyspace({ patern: 'a' } as never)).toThrow(
      expect.objectContaining(refused('patern')) as Error,
    );
    expect(() => pubsub.keyspace(undefined as never)).toThrow(
      expect.objectContaining(refused('options')) as Error,
    );
    await expect(pubsub.publish('a', 1, misspelt)).rejects.toMatchObject(refused('codek'));
    await expect(pubsub.publishMany([], misspelt)).rejects.toMatchObject(refused('codek'));
    await expect(pubsub.channels(7 as never)).rejects.toMatchObject(refused('name'));
  });
});

describe('a client that is closing', () => {
  it('ends calls that wait for its connection, and rejects later ones', async () => {
    const closing = connect();
    const waiting = closing.get('k');
    const connecting = closing.connect();
    const closed = closing.close();
    await expect(waiting).rejects.toMatchObject({ code: 'CLIENT_CLOSED', applied: false });
    await expect(connecting).rejects.toMatchObject({ code: 'CLIENT_CLOSED' });
    await expect(closing.pipeline().get('k').exec()).resolves.toEqual([
      [expect.objectContaining({ code: 'CLIENT_CLOSED' }), undefined],
    ]);
    await closed;
    expect(closing.status).toBe('end');
  });

  it('completes subscriptions made while it connected, and rejects subscriptions while it closes', async () => {
    const closing = connect();
    const told: unknown[] = [];
    const tell = (name: string) => ({
      error: ({ code }: { code: string }) => void told.push([name, code]),
      complete: () => void told.push([name, 'complete']),
    });
    closing.pubsub.channel(`${keyspace}early`).subscribe(tell('early'));
    const ready = closing.pubsub.ready().catch((error: { code: string }) => error.code);
    const closed = closing.close();
    closing.pubsub.channel(`${keyspace}late`).subscribe(tell('late'));
    await closed;
    expect(await ready).toBe('CLIENT_CLOSED');
    await eventually(() => expect(told).toHaveLength(2));
    expect(told).toEqual(
      expect.arrayContaining([
        ['early', 'complete'],
        ['late', 'CLIENT_CLOSED'],
      ]),
    );
  });
});
