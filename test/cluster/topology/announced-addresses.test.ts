import { ClusterClient, TopologyError, type ClusterClientOptions } from 'keyslot';
import { findFreePorts } from '../../../lib/testing/server/free-ports.js';
import { FakeNode, SILENCE, slotsReply } from '../../fake-node.js';
import { sharedCluster } from '../../cluster-fixture.js';

const QUICK = { startupTimeoutMs: 1_000, connectTimeoutMs: 500 };

describe('a cluster', () => {
  const clients: ClusterClient[] = [];
  const fakes: FakeNode[] = [];
  const { nodes: real } = sharedCluster();

  afterEach(async () => {
    clients.splice(0).forEach((client) => client.disconnect());
    await Promise.all(fakes.splice(0).map((node) => node.stop()));
  });

  const clientOf = (options: ClusterClientOptions): ClusterClient => {
    const client = new ClusterClient(options);
    clients.push(client);
    return client;
  };
  const fakeNode = async (...args: Parameters<typeof FakeNode.start>): Promise<FakeNode> => {
    const node = await FakeNode.start(...args);
    fakes.push(node);
    return node;
  };
  const failureOf = async (options: ClusterClientOptions): Promise<TopologyError> => {
    const error: unknown = await clientOf({ ...QUICK, ...options })
      .connect()
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(TopologyError);
    return error as TopologyError;
  };

  it.each<[string, () => Promise<{ host: string; port: number }>, RegExp]>([
    [
      'names that lead nowhere',
      async () => ({ host: 'redis-node.invalid', port: 6379 }),
      /ENOTFOUND|EAI_AGAIN/,
    ],
    [
      'ports where nobody listens',
      async () => ({ host: '127.0.0.1', port: (await findFreePorts('127.0.0.1', 1))[0] }),
      /ECONNREFUSED/,
    ],
  ])(
    'that announces %s is reported as such, with the addresses and the remedy',
    async (_, announce, cause) => {
      const announced = await announce();
      const seed = await fakeNode(([name]) =>
        name.toLowerCase() === 'cluster' ? slotsReply([0, 16_383, announced]) : undefined,
      );
      const error = await failureOf({ nodes: [seed] });
      expect(error).toMatchObject({ code: 'ANNOUNCED_UNREACHABLE', applied: false });
      expect(error.message).toContain(`${announced.host}:${announced.port}`);
      expect(error.message).toMatch(cause);
      expect(error.message).toMatch(/addressRemap.*cluster-announce-ip/);

      const remapped = clientOf({
        nodes: [seed],
        addressRemap: () => ({ host: seed.host, port: seed.port }),
      });
      await remapped.connect();
      expect(await remapped.set('k', 'v')).toBe('OK');
    },
  );

  it('whose addresses take longer than the start may is reported as such', async () => {
    const deaf = await fakeNode(() => SILENCE);
    const seed = await fakeNode(([name]) =>
      name.toLowerCase() === 'cluster' ? slotsReply([0, 16_383, deaf]) : undefined,
    );
    const error = await failureOf({ nodes: [seed], startupTimeoutMs: 500, connectTimeoutMs: 5_000 });
    expect(error.code).toBe('ANNOUNCED_UNREACHABLE');
    expect(error.message).toContain(`${deaf.name} (not connected within 500 ms)`);
  });

  it('whose nodes become silent during the start is given up, however long connecting may take', async () => {
    const silent = await fakeNode(([name, about]) =>
      name.toLowerCase() === 'cluster' && about.toLowerCase() !== 'myid' ? SILENCE : undefined,
    );
    const error = await failureOf({ nodes: [silent], startupTimeoutMs: 300, connectTimeoutMs: 2 ** 30 });
    expect(error.code).toBe('NO_NODE_REACHABLE');
    expect(error.message).toContain(`${silent.name}: no answer in time`);
  }, 30_000);

  it('is found although one seed, a real node, knows no slots', async () => {
    const fresh = await fakeNode(([name]) => (name.toLowerCase() === 'cluster' ? '*0\r\n' : undefined));
    for (const nodes of [
      [fresh, real[0]],
      [real[0], fresh],
    ]) {
      const client = clientOf({ nodes });
      await client.connect();
      expect(client.topology.coveredSlots).toBe(16_384);
    }
  });

  it('is found although one of its primaries knows no slots', async () => {
    const reset = await fakeNode(([name]) => (name.toLowerCase() === 'cluster' ? '*0\r\n' : undefined));
    const informed = await fakeNode();
    const slots = slotsReply([0, 8_191, informed], [8_192, 16_383, reset]);
    informed.become(([name]) => (name.toLowerCase() === 'cluster' ? slots : undefined));
    const client = clientOf({ nodes: [reset, informed], startupTimeoutMs: 3_000 });
    await client.connect();
    expect(client.topology.primaries.map(({ name }) => name)).toEqual([informed.name, reset.name]);
  });

  it('is searched at the default address if none is given, and the error says so', async () => {
    const { REDIS_CLUSTER_NODES } = process.env;
    delete process.env.REDIS_CLUSTER_NODES;
    try {
      // whoever uses the port on this machine takes no TLS with a host name that nobody has a certificate for
      const error = await failureOf({ tls: { servername: 'nobody.invalid' }, startupTimeoutMs: 300 });
      expect(error.message).toMatch(/127\.0\.0\.1:7000 \(the default: .*REDIS_CLUSTER_NODES/);
    } finally {
      if (REDIS_CLUSTER_NODES !== undefined) process.env.REDIS_CLUSTER_NODES = REDIS_CLUSTER_NODES;
    }
    const [port] = await findFreePorts('127.0.0.1', 1);
    expect((await failureOf({ nodes: [`127.0.0.1:${port}`] })).message).not.toContain('the default');
  });

  it('without any slots results in the advice to create it', async () => {
    const fresh = await fakeNode(([name]) => (name.toLowerCase() === 'cluster' ? '*0\r\n' : undefined));
    const error = await failureOf({ nodes: [fresh] });
    expect(error).toMatchObject({ code: 'SLOTS_NOT_COVERED' });
    expect(error.message).toContain('redis-cli --cluster create');
  });

  it('that is contacted by TLS on a plain port is reported as such', async () => {
    // as a server that waits for the rest of a request
    const plain = await fakeNode();
    const error = await failureOf({ nodes: [`rediss://${plain.name}`], startupTimeoutMs: 2_000 });
    expect(error.message).toContain('no TLS handshake within 500 ms (perhaps a port without TLS). Check');
  });
});

describe('a node that closes a connection to itself', () => {
  it('gets a new connection, on which it serves', async () => {
    const stale = new Set<unknown>();
    let first = true;
    const node: FakeNode = await FakeNode.start(([name], socket) => {
      const word = name.toLowerCase();
      if (word === 'incr' && first) stale.add(socket);
      first &&= word !== 'incr';
      if (word === 'incr') return stale.has(socket) ? `-MOVED 0 ${node.name}\r\n` : ':1\r\n';
      return undefined;
    });
    const client = new ClusterClient({ nodes: [node], deadlineMs: 5_000 });
    try {
      const calls = Array.from({ length: 20 }, (_, i) => client.incr(`k${i}`));
      expect(await Promise.all(calls)).toEqual(Array(20).fill(1));
      expect(await client.get('k')).toBe('OK');
    } finally {
      await client.close();
      await node.stop();
    }
  });
});
