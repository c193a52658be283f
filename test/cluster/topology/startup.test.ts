import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { inspect } from 'node:util';
import {
  ClusterClient,
  InvalidArgumentError,
  TopologyError,
  type ClusterClientOptions,
  type NodeAddress,
} from 'keyslot';
import { LocalCluster } from 'keyslot/testing';
import { findFreePorts } from '../../../lib/testing/server/free-ports.js';
import { findServerBinary } from '../../../lib/testing/server/server-binary.js';
import { eventually } from '../../cluster-fixture.js';
import { FakeNode, SILENCE } from '../../fake-node.js';

const QUICK = { startupTimeoutMs: 150, connectTimeoutMs: 100 };

const clients: ClusterClient[] = [];
const nodes: FakeNode[] = [];

/** A client that is closed at the end of the test. */
function clientOf(options: ClusterClientOptions): ClusterClient {
  const client = new ClusterClient(options);
  clients.push(client);
  return client;
}

async function fakeNode(...script: Parameters<typeof FakeNode.start>): Promise<FakeNode> {
  const node = await FakeNode.start(...script);
  nodes.push(node);
  return node;
}

const errorOf = (promise: Promise<unknown>): Promise<Error & { code?: string }> =>
  promise.then(
    () => new Error('there was no error'),
    (error: Error) => error,
  );

afterEach(async () => {
  for (const client of clients.splice(0)) client.disconnect();
  await Promise.all(nodes.splice(0).map((node) => node.stop()));
});

describe('invalid options', () => {
  const node = { host: '127.0.0.1', port: 7000 };
  it.each<[string, unknown, RegExp]>([
    ['an unknown one', { nodes: [node], natMap: {} }, /natMap/],
    ['one that objects inherit', JSON.parse('{"__proto__": 1}'), /__proto__/],
    ['no options but null', null, /options/],
    ['a URL in the place of options', 'redis://127.0.0.1:7000', /options/],
    ['a list of nodes in the place of options', [node], /options/],
    ['no nodes', { nodes: [] }, /nodes/],
    ['nodes that are no list', { nodes: '127.0.0.1:7000' }, /nodes/],
    ['a node that is nothing', { nodes: [undefined] }, /node/i],
    ['a node without a host', { nodes: [{ host: '', port: 7000 }] }, /node/i],
    ['a node without a port', { nodes: ['127.0.0.1'] }, /port/],
    ['port 0', { nodes: [{ host: 'a', port: 0 }] }, /port/],
    ['a port beyond all', { nodes: ['a:65536'] }, /port/],
    ['a port as text', { nodes: [{ host: 'a', port: '7000' }] }, /port/],
    ['a database number', { nodes: ['redis://:planted@a:7000/3'] }, /database/],
    ['a unix socket', { nodes: ['unix:///tmp/planted.sock'] }, /socket/],
    ['a foreign protocol', { nodes: ['https://u:planted@a:7000'] }, /redis:\/\//],
    ['a URL with a query', { nodes: ['redis://a:7000?password=planted'] }, /query/],
    ['a URL that is none', { nodes: ['redis://:planted@:7000:1'] }, /URL/],
    ['a password in a bare address', { nodes: ['user:planted@a:7000'] }, /host:port/],
    ['a password that is not encoded', { nodes: ['redis://:planted%@a:7000'] }, /encoded/],
    ['a user without a password', { nodes: [node], username: 'planted' }, /username/],
    ['a user without a password in a URL', { nodes: ['redis://planted@a:7000'] }, /password/],
    [
      'two passwords',
      { nodes: ['redis://:planted@a:7000', 'redis://:planted2@b:7000'] },
      /different credentials/,
    ],
    [
      'a URL and options that differ',
      { nodes: ['redis://:planted@a:7000'], password: 'planted2' },
      /different/,
    ],
    [
      'a password beside a provider',
      { password: 'planted', credentialsProvider: () => ({}) },
      /credentialsProvider/,
    ],
    ['TLS for some nodes', { nodes: ['rediss://a:7000', 'redis://b:7000'] }, /TLS/],
    ['TLS for a node, and none by option', { nodes: ['rediss://a:7000'], tls: false }, /tls/],
    ['a key prefix with braces', { keyPrefix: 'a{b}' }, /keyPrefix/],
    ['a client name with a space', { clientName: 'my app' }, /clientName/],
    ['RESP 4', { protocol: 4 }, /protocol/],
    ['a deadline of nothing', { deadlineMs: 0 }, /deadlineMs/],
    ['a deadline as text', { deadlineMs: '10' }, /deadlineMs/],
    ['a deadline beyond timers', { deadlineMs: 2 ** 31 }, /deadlineMs/],
    ['NaN', { replyTimeoutMs: Number.NaN }, /replyTimeoutMs/],
    ['a way to read that is none', { readFrom: 'slave' }, /readFrom/],
    ['a way to retry that is none', { retry: true }, /retry/],
    ['no room at all', { maxPendingPerNode: { commands: 0 } }, /maxPendingPerNode/],
    ['room of an unknown kind', { maxPendingPerNode: { items: 1 } }, /maxPendingPerNode/],
    ['a flag as text', { requireFullCoverage: 'no' }, /requireFullCoverage/],
    ['a remap that is no function', { addressRemap: {} }, /addressRemap/],
    ['a command that is not blocked', { allowBlocked: ['get'] }, /allowBlocked/],
    ['a command that cannot be let through', { allowBlocked: ['subscribe'] }, /allowBlocked/],
  ])('%s', (_, options, message) => {
    const error = (() => {
      try {
        return new ClusterClient(options as ClusterClientOptions);
      } catch (thrown) {
        return thrown as Error;
      }
    })();
    expect(error).toBeInstanceOf(InvalidArgumentError);
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', message: expect.stringMatching(message) });
    expect(inspect(error)).not.toContain('planted');
  });

  it('in fromUrl and duplicate', () => {
    expect(() => ClusterClient.fromUrl('redis://a:7000/1')).toThrow(InvalidArgumentError);
    expect(() => ClusterClient.fromUrl(undefined as unknown as string)).toThrow(InvalidArgumentError);
    const client = new ClusterClient({ nodes: [node] });
    expect(() => client.duplicate({ deadlineMs: -1 })).toThrow(InvalidArgumentError);
  });
});

describe('no cluster', () => {
  it('no listener: names the nodes and the causes, and connects once a server listens', async () => {
    const [port] = await findFreePorts('127.0.0.1', 1);
    const client = clientOf({ nodes: [{ host: '127.0.0.1', port }], ...QUICK });
    const error = await errorOf(client.connect());
    expect(error).toBeInstanceOf(TopologyError);
    expect(error).toMatchObject({ code: 'NO_NODE_REACHABLE', retryable: true, applied: false });
    expect(error.message).toMatch(new RegExp(`127.0.0.1:${port}.*ECONNREFUSED`));
    expect(client.status).toBe('wait');
    // a command tries again, and is told the same
    expect(await errorOf(client.get('k'))).toMatchObject({ code: 'NO_NODE_REACHABLE' });
    expect(await errorOf(client.dbsize())).toMatchObject({ code: 'NO_NODE_REACHABLE' });
    expect(await errorOf(client.blpop('k', 1))).toMatchObject({ code: 'NO_NODE_REACHABLE' });
    expect(await errorOf(client.multi().get('k').exec())).toMatchObject({ code: 'NO_NODE_REACHABLE' });
    expect(await client.pipeline().get('k').exec()).toEqual([
      [expect.objectContaining({ code: 'NO_NODE_REACHABLE' }), undefined],
    ]);
  });

  it('no listener: the status is that of the attempt which the rest of a pipeline makes', async () => {
    const [port] = await findFreePorts('127.0.0.1', 1);
    const maxPendingPerNode = { commands: 2 };
    const client = clientOf({ nodes: [{ host: '127.0.0.1', port }], ...QUICK, maxPendingPerNode });
    const statuses: string[] = [];
    client.on('connecting', () => setImmediate(() => statuses.push(client.status)));
    await client.pipeline().get('a').get('b').get('c').exec();
    expect(statuses).toEqual(['connecting', 'connecting', 'connecting']);
    expect(client.status).toBe('wait');
  });

  it.each<[string, Parameters<typeof FakeNode.start>[0]]>([
    ['says nothing', () => SILENCE],
    ['closes at once', (_, socket) => void socket.destroy()],
    ['talks another protocol', () => 'HTTP/1.1 400 Bad Request\r\n\r\n'],
    ['greets, and then says nothing', ([name]) => (name === 'HELLO' ? undefined : SILENCE)],
    ['greets, and has nonsense for slots', ([name]) => (name === 'HELLO' ? undefined : '$-1\r\n')],
  ])('a server %s', async (_, script) => {
    const node = await fakeNode(script);
    const error = await errorOf(clientOf({ nodes: [node], ...QUICK }).connect());
    expect(error).toBeInstanceOf(TopologyError);
    expect(error.message).toContain(node.name);
  });

  it('asks about TLS if something answers that does not speak the protocol of Redis', async () => {
    const node = await fakeNode(() => 'HTTP/1.1 400 Bad Request\r\n\r\n');
    const { message } = await errorOf(clientOf({ nodes: [node], ...QUICK }).connect());
    expect(message).toContain('perhaps no Redis server, or one that expects TLS');
  });

  it('a server that is not in cluster mode', async () => {
    const [port] = await findFreePorts('127.0.0.1', 1);
    const server = startStandalone(port);
    try {
      const client = clientOf({ nodes: [{ host: '127.0.0.1', port }] });
      const error = await eventually(async () => {
        const answer = await errorOf(client.connect());
        return answer.code !== 'NO_NODE_REACHABLE' && answer;
      });
      expect(error).toBeInstanceOf(TopologyError);
      expect(error).toMatchObject({ code: 'NOT_A_CLUSTER', retryable: false });
      expect(error).toMatchObject({
        message: expect.stringMatching(new RegExp(`127.0.0.1:${port}.*cluster-enabled`)),
      });
    } finally {
      server.stdin?.end();
      await once(server, 'close');
    }
  });
});

/** A plain server. It ends when its input does, so that it cannot outlive us. */
function startStandalone(port: number): ChildProcess {
  const { command, args } = findServerBinary();
  const server = [
    command,
    ...args,
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--save',
    '',
    '--appendonly',
    'no',
  ];
  const untilInputEnds = '"$@" >/dev/null & read line; kill -9 $!; wait';
  return spawn('/bin/sh', ['-c', untilInputEnds, 'sh', ...server], { stdio: ['pipe', 'ignore', 'ignore'] });
}

describe('a cluster of one node', () => {
  let cluster: LocalCluster;
  let seeds: NodeAddress[];

  beforeAll(async () => {
    cluster = await LocalCluster.start({ primaries: 1, replicasPerPrimary: 0, requireFullCoverage: false });
    seeds = cluster.seeds;
  });

  afterAll(() => cluster?.stop());

  const command = (...words: [string, ...(string | number)[]]): Promise<unknown> =>
    cluster.command(cluster.nodes[0], ...words);

  it('is a valid cluster', async () => {
    const client = clientOf({ nodes: seeds });
    await client.connect();
    expect(client.topology.shards).toHaveLength(1);
    await client.mset({ '{a}1': 1, '{a}2': 2 });
    expect(await client.exists('{a}1', '{a}2', 'b', 'c')).toBe(2);
    expect(await client.pipeline().incr('{a}1').incr('{b}1').exec()).toHaveLength(2);
  });

  it.each<[string, (live: NodeAddress) => Promise<(string | NodeAddress)[]>]>([
    [
      'behind seeds where nobody listens',
      async (live) => {
        const ports = await findFreePorts('127.0.0.1', 5);
        return [...ports.map((port) => `127.0.0.1:${port}`), live];
      },
    ],
    [
      'behind seeds that say nothing',
      async (live) => [
        ...(await Promise.all(Array.from({ length: 5 }, () => fakeNode(() => SILENCE)))),
        live,
      ],
    ],
    ['behind seeds whose names lead nowhere', async (live) => ['no-such-host.invalid:7000', live]],
    [
      'behind a node that knows of no slots',
      async (live) => {
        const knowsNone = (): Promise<FakeNode> =>
          fakeNode(([name]) => (name === 'HELLO' ? undefined : '*0\r\n'));
        return [await knowsNone(), await knowsNone(), live];
      },
    ],
    ['given twice', async (live) => [live, `redis://${live.host}:${live.port}`]],
    ['given by name', async ({ port }) => [`localhost:${port}`]],
  ])('is found %s', async (_, seedsOf) => {
    const given = await seedsOf(seeds[0]);
    // whatever the order in which they are tried
    await Promise.all(
      Array.from({ length: 5 }, async () => {
        const client = clientOf({ nodes: given, connectTimeoutMs: 1_000, startupTimeoutMs: 3_000 });
        await client.connect();
        expect(client.topology.coveredSlots).toBe(16_384);
      }),
    );
  });

  it('with uncovered slots is rejected, or used as far as possible', async () => {
    await command('CLUSTER', 'DELSLOTSRANGE', 0, 8_191);
    try {
      const refused = await errorOf(clientOf({ nodes: seeds, ...QUICK }).connect());
      expect(refused).toBeInstanceOf(TopologyError);
      expect(refused).toMatchObject({ code: 'SLOTS_NOT_COVERED' });
      expect(refused.message).toMatch(/8192 of 16384.*requireFullCoverage/);

      const client = clientOf({ nodes: seeds, requireFullCoverage: false, deadlineMs: 200 });
      await client.connect();
      expect(client.topology.coveredSlots).toBe(8_192);
      const [covered, uncovered] = ['a', 'b'].map((name) => ({
        name,
        node: client.topology.nodeForKey(name),
      }));
      expect([covered.node?.name, uncovered.node]).toEqual([`127.0.0.1:${seeds[0].port}`, undefined]);
      expect(await client.set(covered.name, 'v')).toBe('OK');
      expect(await errorOf(client.incr(uncovered.name))).toMatchObject({
        code: 'DEADLINE_EXCEEDED',
        applied: false,
        cause: expect.objectContaining({ code: 'SLOTS_NOT_COVERED' }),
      });
      expect(await client.pipeline().get(covered.name).get(uncovered.name).exec()).toEqual([
        [null, 'v'],
        [expect.objectContaining({ code: 'DEADLINE_EXCEEDED' }), undefined],
      ]);
      // a command that waits is served as soon as somebody owns its slot
      const waiting = client.with({ deadlineMs: 10_000 }).incr(uncovered.name);
      await command('CLUSTER', 'ADDSLOTSRANGE', 0, 8_191);
      expect(await waiting).toBe(1);
    } finally {
      await command('CLUSTER', 'ADDSLOTSRANGE', 0, 8_191).catch(() => {});
    }
  });

  it('without any slots is waited for', async () => {
    await command('CLUSTER', 'FLUSHSLOTS').catch(async () => {
      await command('FLUSHALL');
      await command('CLUSTER', 'FLUSHSLOTS');
    });
    const refused = await errorOf(clientOf({ nodes: seeds, ...QUICK }).connect());
    expect(refused).toMatchObject({ code: 'SLOTS_NOT_COVERED' });
    expect(refused.message).toContain(`127.0.0.1:${seeds[0].port}`);
    const even = await errorOf(clientOf({ nodes: seeds, requireFullCoverage: false, ...QUICK }).connect());
    expect(even).toMatchObject({ code: 'SLOTS_NOT_COVERED' });

    const client = clientOf({ nodes: seeds });
    const connected = client.connect();
    await command('CLUSTER', 'ADDSLOTSRANGE', 0, 16_383);
    await connected;
    expect(client.topology.coveredSlots).toBe(16_384);
  });
});
