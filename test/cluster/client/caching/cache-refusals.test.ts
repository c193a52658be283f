import {
  type CacheInvalidation,
  ClusterClient,
  type ClusterClientOptions,
  type ClusterError,
  type LogEntry,
} from 'keyslot';
import { LocalCluster } from 'keyslot/testing';
import { eventually } from '../../../cluster-fixture.js';
import { FakeNode } from '../../../fake-node.js';

const CACHE = { maxBytes: 1024 * 1024, maxStaleMs: 200 };
const USERS = {
  untracked: 'on >pw ~* &* +@all -client|tracking',
  blind: 'on >pw ~* &* +@all -cluster|nodes',
  ageless: 'on >pw ~* &* +@all -pttl',
  mute: 'on >pw ~* &* +@all -unsubscribe',
  least: 'on >pw ~* -@all +cluster|slots +client|tracking +client|caching +pttl +get',
  losing: 'on >pw ~* &* +@all',
};

describe('a client with a cache', () => {
  let cluster: LocalCluster;
  let admin: ClusterClient;
  const clients: ClusterClient[] = [];
  let errors: ClusterError[];
  let entries: LogEntry[];
  let unique = 0;
  const freshKey = (): string => `key${unique++}`;

  function clientOf(options: ClusterClientOptions = {}): ClusterClient {
    const client = new ClusterClient({
      nodes: cluster.seeds,
      cache: CACHE,
      logger: (entry) => entries.push(entry),
      ...options,
    });
    client.on('error', (error: ClusterError) => errors.push(error));
    clients.push(client);
    return client;
  }

  beforeAll(async () => {
    cluster = await LocalCluster.start({ primaries: 1, replicasPerPrimary: 0, users: USERS });
    admin = new ClusterClient({ nodes: cluster.seeds });
    await admin.connect();
  });

  beforeEach(() => {
    errors = [];
    entries = [];
  });

  afterEach(() => Promise.all(clients.splice(0).map((client) => client.close())));

  afterAll(async () => {
    await admin?.close();
    await cluster?.stop();
  });

  /** Reads a key twice, changes it, and reads it again. */
  async function hitsOf(client: ClusterClient): Promise<number> {
    const key = freshKey();
    await admin.set(key, '1');
    const view = client.with({ cache: true });
    expect([await view.get(key), await view.get(key)]).toEqual(['1', '1']);
    await admin.set(key, '2');
    await eventually(async () => expect(await view.get(key)).toBe('2'));
    return client.cache.stats().hits;
  }

  test.each(['untracked', 'ageless'])(
    'whose user (%s) lacks a right reads from the node, and says so once',
    async (username) => {
      const client = clientOf({ username, password: 'pw' });
      expect(await hitsOf(client)).toBe(0);
      await cluster.command(cluster.nodes[0], 'CLIENT', 'KILL', 'USER', username);
      expect(await hitsOf(client)).toBe(0);
      const said = errors.filter(({ code }) => code === 'CACHE_UNAVAILABLE');
      expect(said).toHaveLength(1);
      expect(said[0].message).toMatch(/NOPERM/);
      expect(entries.filter(({ message }) => message === said[0].message)).toHaveLength(1);
    },
  );

  test('whose user may not see the nodes keeps replies for maxStaleMs only', async () => {
    const client = clientOf({ username: 'blind', password: 'pw' });
    expect(await hitsOf(client)).toBeGreaterThan(0);
    await eventually(() => errors.some(({ code }) => code === 'CACHE_UNAVAILABLE'));
    const key = freshKey();
    const view = client.with({ cache: true });
    await view.get(key);
    const { staleRefusals } = client.cache.stats();
    const end = performance.now() + CACHE.maxStaleMs + 5;
    await eventually(() => performance.now() > end);
    expect(await view.get(key)).toBeNull();
    expect(client.cache.stats().staleRefusals).toBe(staleRefusals + 1);
  });

  test('whose user has no right to pub/sub has a cache', async () => {
    expect(await hitsOf(clientOf({ username: 'mute', password: 'pw' }))).toBeGreaterThan(0);
    expect(errors).toEqual([]);
  });

  test('whose user has no right but those that it cannot do without has a cache', async () => {
    const client = clientOf({ username: 'least', password: 'pw' });
    await eventually(async () => (await hitsOf(client)) > 0);
    await eventually(() => errors.length > 0);
    expect(errors.map(({ message }) => message)).toEqual([expect.stringMatching(/CLUSTER NODES/)]);
  });

  test.each(['-get', 'resetkeys ~elsewhere*'])(
    'whose user loses a right (%s) is refused like any other',
    async (rules) => {
      const client = clientOf({ username: 'losing', password: 'pw' });
      const view = client.with({ cache: true });
      const key = freshKey();
      await admin.set(key, 'secret');
      await eventually(async () => {
        await view.get(key);
        return client.cache.stats().hits > 0;
      });
      await cluster.command(cluster.nodes[0], 'ACL', 'SETUSER', 'losing', ...rules.split(' '));
      await eventually(async () => {
        const code = await view.get(key).catch((error: ClusterError) => error.code);
        return code === 'NOPERM';
      });
      expect(client.cache.stats()).toMatchObject({ entries: 0, bytes: 0 });
      await cluster.command(cluster.nodes[0], 'ACL', 'SETUSER', 'losing', '~*', '+@all');
    },
  );

  test('drops everything when its connection ends, or a server is flushed, by anybody', async () => {
    const client = clientOf();
    const view = client.with({ cache: true });
    const seen: CacheInvalidation[] = [];
    client.cache.invalidated$.subscribe((one) => seen.push(one));
    const flushes = (): number =>
      seen.filter(({ cause, key }) => cause === 'flush' && key === undefined).length;
    const fill = async (): Promise<void> => {
      await view.mget('{a}1', '{a}2');
      await view.hgetall('{a}3');
      expect(client.cache.stats().entries).toBe(3);
    };
    for (const end of [
      () => admin.flushall(),
      () => cluster.command(cluster.nodes[0], 'CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes'),
    ]) {
      await fill();
      const before = flushes();
      await end();
      await eventually(() => flushes() > before && client.cache.stats().entries === 0);
      expect(client.cache.stats().bytes).toBe(0);
    }
    await fill();
    await client.flushall();
    expect(client.cache.stats()).toMatchObject({ entries: 0, bytes: 0 });
  });

  test('leaves nothing behind of keys that change', async () => {
    const client = clientOf();
    const view = client.with({ cache: true });
    for (let round = 0; round < 3; round++) {
      const keys = Array.from({ length: 200 }, (_, i) => `{leak}${i}`);
      await Promise.all(keys.flatMap((key) => [view.get(key), view.strlen(key), view.getBuffer(key)]));
      expect(client.cache.stats().entries).toBe(600);
      await Promise.all(keys.map((key) => admin.set(key, 'x')));
      await eventually(() => client.cache.stats().entries === 0);
      expect(client.cache.stats().bytes).toBe(0);
      await admin.del(...keys);
    }
  });

  test('of prefixes keeps replies about their keys only', async () => {
    const client = clientOf({ keyPrefix: 'app:', cache: { ...CACHE, prefixes: ['user:', '\u00fc:'] } });
    const view = client.with({ cache: true });
    for (const key of ['user:1', '\u00fc:1']) {
      await admin.set(`app:${key}`, '1');
      expect([await view.get(key), await view.get(key)]).toEqual(['1', '1']);
      await admin.set(`app:${key}`, '2');
      await eventually(async () => expect(await view.get(key)).toBe('2'));
    }
    const { hits, misses } = client.cache.stats();
    expect(hits).toBeGreaterThanOrEqual(2);
    await view.get('other:1');
    await view.mget('{x}1', '{x}2');
    expect(client.cache.stats()).toMatchObject({ hits, misses });
  });

  test('refuses what it cannot do, by name', () => {
    const client = clientOf();
    const plain = new ClusterClient({ nodes: cluster.seeds });
    const refused = (work: () => unknown): unknown => {
      try {
        return work();
      } catch (error) {
        return [(error as ClusterError).code, (error as { argument?: string }).argument];
      }
    };
    expect(refused(() => plain.with({ cache: true }))).toEqual(['INVALID_ARGUMENT', 'cache']);
    expect(refused(() => plain.cache)).toEqual(['INVALID_ARGUMENT', 'cache']);
    expect(refused(() => client.with({ cache: true, readFrom: 'replica' }))).toEqual([
      'INVALID_ARGUMENT',
      'readFrom',
    ]);
    expect(refused(() => client.with({ cache: true }).with({ readFrom: 'replica' }))).toEqual([
      'INVALID_ARGUMENT',
      'readFrom',
    ]);
    expect(client.with({ cache: true }).with({ cache: false, readFrom: 'replica' })).toBeDefined();
    for (const cache of [1, 'yes', {}, { maxAgeMs: 0 }, { maxAgeMs: 10, other: 1 }, null])
      expect([cache, refused(() => client.with({ cache: cache as never }))]).toEqual([
        cache,
        ['INVALID_ARGUMENT', expect.stringMatching(/cache|other/)],
      ]);
  });

  test('reads from the node where pushes are dropped on the way, or the server knows no RESP3 or no tracking', async () => {
    for (const [name, answer] of [
      [
        'something on the way',
        (words: readonly string[]) => (words[0] === 'UNSUBSCRIBE' ? '|0\r\n' : undefined),
      ],
      [
        'does not speak RESP3',
        (words: readonly string[]) => (words[0] === 'HELLO' ? '-ERR unknown command\r\n' : undefined),
      ],
      [
        'refuses CLIENT TRACKING',
        ([command, subcommand]: readonly string[]) =>
          command === 'UNSUBSCRIBE'
            ? '>3\r\n$11\r\nunsubscribe\r\n$12\r\nkeyslot:push\r\n:0\r\n'
            : subcommand === 'TRACKING'
              ? '-ERR unknown subcommand\r\n'
              : undefined,
      ],
    ] as const) {
      const node = await FakeNode.start((words) => {
        const [command, ...rest] = words.map((word) => word.toUpperCase());
        if (command === 'HELLO' && name !== 'does not speak RESP3') return '%1\r\n$2\r\nid\r\n:7\r\n';
        if (command === 'PING') return '+PONG\r\n';
        if (command === 'GET') return '$1\r\nv\r\n';
        return answer([command, ...rest]);
      });
      const client = new ClusterClient({ nodes: [node], cache: CACHE });
      const reported: ClusterError[] = [];
      client.on('error', (error: ClusterError) => reported.push(error));
      const view = client.with({ cache: true });
      expect([await view.get('k'), await view.get('k')]).toEqual(['v', 'v']);
      expect(client.cache.stats().hits).toBe(0);
      expect(reported.map(({ code, message }) => `${code} ${message}`)).toEqual([
        expect.stringMatching(new RegExp(`CACHE_UNAVAILABLE .*${name}`)),
      ]);
      await client.close();
      await node.stop();
    }
  });
});
