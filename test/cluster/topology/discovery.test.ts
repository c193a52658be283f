import {
  ClusterClient,
  keySlot,
  TopologyError,
  type ClusterClientOptions,
  type ClusterTopology,
  type NodeAddress,
} from 'keyslot';
import { LocalCluster } from 'keyslot/testing';
import { findFreePorts } from '../../../lib/testing/server/free-ports.js';
import { eventually, sharedCluster } from '../../cluster-fixture.js';
import { FakeNode, Relays, SILENCE, slotsReply, type FakeAnswer } from '../../fake-node.js';

const clients: ClusterClient[] = [];
const stops: (() => Promise<void>)[] = [];

/** A client that is closed after the test. */
function clientOf(options: ClusterClientOptions): ClusterClient {
  const client = new ClusterClient(options);
  clients.push(client);
  return client;
}

/** A fake node that is stopped after the test. */
async function fakeNode(answer?: FakeAnswer): Promise<FakeNode> {
  const node = await FakeNode.start(answer);
  stops.push(() => node.stop());
  return node;
}

async function topologyOf(nodes: NodeAddress[]): Promise<ClusterTopology> {
  const client = clientOf({ nodes });
  await client.connect();
  return client.topology;
}

/** Answers CLUSTER SLOTS, and nothing else. */
const telling =
  (...ranges: [number, number, NodeAddress][]): FakeAnswer =>
  ([name]) =>
    name.toLowerCase() === 'cluster' ? slotsReply(...ranges) : undefined;

afterEach(async () => {
  for (const client of clients.splice(0)) client.disconnect();
  await Promise.all(stops.splice(0).map((stop) => stop()));
});

describe('a healthy cluster', () => {
  const shared = sharedCluster();

  // T1, T2
  it.each<[string, (node: NodeAddress) => ClusterClientOptions['nodes']]>([
    ['host:port', ({ host, port }) => [`${host}:${port}`]],
    ['a URL', ({ host, port }) => [`redis://${host}:${port}/0`]],
    ['host and port', ({ host, port }) => [{ host, port }]],
    ['a name to be resolved', ({ port }) => [`localhost:${port}`]],
    ['all of them', ({ host, port }) => [`redis://${host}:${port}`, `${host}:${port}`, { host, port }]],
  ])('is found by one node given as %s', async (_, nodesOf) => {
    const client = clientOf({ nodes: nodesOf(shared.nodes[0]) });
    await client.connect();
    expect(client.topology.coveredSlots).toBe(16_384);
    expect(client.topology.primaries.length).toBeGreaterThan(1);
    const key = `${shared.keyspace}found`;
    expect(await client.set(key, 'v')).toBe('OK');
  });

  // T2
  it('is found by fromUrl, with options beside the URL', async () => {
    const [{ host, port }] = shared.nodes;
    const client = ClusterClient.fromUrl(`redis://${host}:${port}`, { clientName: 'from-url' });
    clients.push(client);
    expect(await client.client('GETNAME')).toBe('from-url');
  });

  // T1: any node knows all others, replicas too
  it('looks the same from whichever node you start', async () => {
    const views = await Promise.all(
      shared.nodes.map(async (node) => {
        const client = clientOf({ nodes: [node] });
        await client.connect();
        return client.topology;
      }),
    );
    for (const view of views) expect(view.sameView(views[0])).toBe(true);
  });

  // T3
  it('is found through one live node among dead ones, repeatedly', async () => {
    const dead = (await findFreePorts('127.0.0.1', 5)).map((port) => ({ host: '127.0.0.1', port }));
    for (let i = 0; i < 5; i++) {
      const client = clientOf({ nodes: [...dead.slice(0, i), shared.nodes[0], ...dead.slice(i)] });
      await client.connect();
      expect(client.topology.coveredSlots).toBe(16_384);
      client.disconnect();
    }
  });

  // T3: seven that time out one after the other would take longer than the start may
  it('is found although most of the given nodes accept connections and stay silent', async () => {
    const silent = await Promise.all(Array.from({ length: 7 }, () => fakeNode(() => SILENCE)));
    const client = clientOf({
      nodes: [...silent, shared.nodes[0]],
      connectTimeoutMs: 300,
      startupTimeoutMs: 1_500,
    });
    await client.connect();
    expect(client.topology.coveredSlots).toBe(16_384);
  });

  // T3
  it('is queried at different nodes by different clients', async () => {
    const relays = await Relays.start(shared.nodes);
    stops.push(() => relays.stop());
    // all primaries are asked before a client is ready; of the replicas, some
    const replicas = new Set((await topologyOf(shared.nodes)).replicas.map(({ port }) => port));
    const chosen = new Set<string>();
    for (let i = 0; i < 30 && chosen.size < 3; i++) {
      relays.forget();
      const client = clientOf(relays.options);
      await client.connect();
      client.disconnect();
      const asked = relays.all
        .filter(({ target }) => replicas.has(target.port))
        .filter((relay) => relay.seen('cluster').length > 0);
      chosen.add(asked.map(({ name }) => name).join());
    }
    expect(chosen.size).toBe(3);
  });

  // T13
  it('has different default nodes in different clients, always a primary', async () => {
    const names = new Set<string | undefined>();
    await eventually(async () => {
      const client = clientOf({ nodes: shared.nodes });
      await client.connect();
      expect(client.topology.primaries).toContain(client.topology.defaultNode);
      names.add(client.topology.defaultNode?.name);
      client.disconnect();
      return names.size > 1;
    });
  });

  // T13, T15: the node the topology names answers without a redirect
  it('stores its keys where the topology says', async () => {
    const client = clientOf({ nodes: shared.nodes });
    const keys = ['a', 'é', 'foo{}{bar}', '{tag}x', 'x{a}{b}', '42'].map((key) => shared.keyspace + key);
    for (const key of keys) {
      await client.set(key, 'v');
      const node = client.topology.nodeForKey(key);
      expect(node).toBeDefined();
      if (node === undefined) continue;
      expect(await client.target(node).get(key)).toBe('v');
      expect(client.topology.nodeForSlot(keySlot(key))).toBe(node);
      const other = client.topology.primaries.filter(({ name }) => name !== node.name)[0];
      await expect(client.target(other).get(key)).rejects.toMatchObject({ code: 'MOVED' });
    }
  });
});

// T7
describe('nodes that report different topologies', () => {
  const QUICK = { startupTimeoutMs: 300 };

  it('two clusters: rejected, with both named', async () => {
    const [one, other] = [await fakeNode(), await fakeNode()];
    const error: unknown = await clientOf({ nodes: [one, other], ...QUICK })
      .connect()
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(TopologyError);
    expect(error).toMatchObject({ code: 'VIEWS_DISAGREE', retryable: true });
    expect((error as Error).message).toContain(one.name);
    expect((error as Error).message).toContain(other.name);
  });

  it('two clusters, one of which is dead: the other one is used', async () => {
    const [one, other] = [await fakeNode(), await fakeNode()];
    await other.stop();
    const client = clientOf({ nodes: [one, other], ...QUICK });
    await client.connect();
    expect(client.topology.nodes.map(({ name }) => name)).toEqual([one.name]);
  });

  it('one node among many that has left for another cluster: rejected, however few nodes are queried', async () => {
    const members = await Promise.all(Array.from({ length: 6 }, () => fakeNode()));
    const [a, b, ...others] = members;
    const deserter = await fakeNode();
    for (const node of [a, b, ...others]) node.become(telling([0, 8191, a], [8192, 16_383, b]));
    for (let i = 0; i < 5; i++) {
      const error: Error = await clientOf({ nodes: [...members, deserter], ...QUICK })
        .connect()
        .then(() => Promise.reject(new Error('connected')))
        .catch((reason: Error) => reason);
      expect(error).toMatchObject({
        code: 'VIEWS_DISAGREE',
        message: expect.stringContaining(deserter.name),
      });
    }
    // a node that has left and owns nothing tells of no cluster
    deserter.become(telling());
    const client = clientOf({ nodes: [...members, deserter], ...QUICK });
    await client.connect();
    expect(client.topology.primaries.map(({ name }) => name)).toEqual([a.name, b.name]);
  });

  it('two real clusters: rejected, whichever nodes are queried first', async () => {
    const [one, other] = await Promise.all([
      LocalCluster.start({ primaries: 3, replicasPerPrimary: 0 }),
      LocalCluster.start({ primaries: 1, replicasPerPrimary: 0 }),
    ]);
    try {
      for (let i = 0; i < 3; i++) {
        const client = clientOf({ nodes: [...one.seeds, ...other.seeds], startupTimeoutMs: 1_000 });
        await expect(client.connect()).rejects.toMatchObject({
          code: 'VIEWS_DISAGREE',
          message: expect.stringContaining(other.nodes[0].name),
        });
      }
    } finally {
      await Promise.all([one.stop(), other.stop()]);
    }
  });

  it('primaries that each claim more than their share: rejected', async () => {
    const [a, b] = [await fakeNode(), await fakeNode()];
    a.become(telling([0, 12_000, a], [12_001, 16_383, b]));
    b.become(telling([0, 8191, a], [8192, 16_383, b]));
    await expect(clientOf({ nodes: [a, b], ...QUICK }).connect()).rejects.toMatchObject({
      code: 'VIEWS_DISAGREE',
    });
  });

  it('one of three primaries that lags behind: the majority wins', async () => {
    const [a, b, c] = [await fakeNode(), await fakeNode(), await fakeNode()];
    const now = telling([0, 5000, a], [5001, 10_000, b], [10_001, 16_383, c]);
    a.become(now);
    b.become(now);
    c.become(telling([0, 4000, a], [4001, 10_000, b], [10_001, 16_383, c]));
    const client = clientOf({ nodes: [a, b, c], ...QUICK });
    await client.connect();
    expect(client.topology.nodeForSlot(4500)?.name).toBe(a.name);
  });

  it('nodes that agree later are waited for', async () => {
    const [one, other] = [await fakeNode(), await fakeNode()];
    const client = clientOf({ nodes: [one, other] });
    const connected = client.connect();
    await eventually(() => one.asked('cluster').length > 1);
    one.become(telling([0, 16_383, other]));
    await connected;
    expect(client.topology.nodeForSlot(0)?.name).toBe(other.name);
  });
});

// T8
describe('a cluster of one node, which does not know its own address', () => {
  let cluster: LocalCluster;
  beforeAll(async () => {
    cluster = await LocalCluster.start({ primaries: 1, replicasPerPrimary: 0 });
  });
  afterAll(() => cluster?.stop());

  it.each(['127.0.0.1', 'localhost'])('is used under the name by which it was reached, %s', async (host) => {
    const [{ port }] = cluster.seeds;
    const [[, , [endpoint]]] = (await cluster.command(cluster.nodes[0], 'CLUSTER', 'SLOTS')) as [
      [number, number, [string]],
    ];
    expect(endpoint).toBe('');
    const client = clientOf({ nodes: [{ host, port }] });
    expect(await client.set('k', host)).toBe('OK');
    expect(client.topology.nodes.map(({ name }) => name)).toEqual([`${host}:${port}`]);
    expect(await client.pipeline().get('k').get('other').exec()).toEqual([
      [null, host],
      [null, null],
    ]);
    expect(await client.dbsize()).toBe(1);
    expect((await client.refreshTopology()).nodes.map(({ name }) => name)).toEqual([`${host}:${port}`]);
  });
});

// T5
describe('a cluster with uncovered slots', () => {
  let cluster: LocalCluster;
  const GAP = [0, 99] as const;
  const slots = Array.from({ length: 100 }, (_, slot) => slot);
  /** Keys of a slot that nobody owns, and of others. */
  const keys = Array.from({ length: 5_000 }, (_, i) => `k${i}`);
  const uncovered = keys.filter((key) => keySlot(key) <= GAP[1]);
  const covered = keys.filter((key) => keySlot(key) > GAP[1]).slice(0, 50);

  beforeAll(async () => {
    cluster = await LocalCluster.start({ replicasPerPrimary: 0, requireFullCoverage: false });
    await Promise.all(cluster.nodes.map((node) => cluster.command(node, 'CLUSTER', 'DELSLOTS', ...slots)));
  });
  afterAll(() => cluster?.stop());

  it('is rejected by default, with the number of covered slots', async () => {
    const error: unknown = await clientOf({ nodes: cluster.seeds, startupTimeoutMs: 400 })
      .connect()
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: 'SLOTS_NOT_COVERED',
      message: expect.stringContaining('16284 of 16384'),
    });
  });

  it('serves the other slots if full coverage is not required', async () => {
    const client = clientOf({ nodes: cluster.seeds, requireFullCoverage: false });
    await Promise.all(covered.map((key) => client.set(key, 'v')));
    expect(await client.dbsize()).toBe(covered.length);
    expect(await client.exists(...covered)).toBe(covered.length);
    const scanned: string[] = [];
    for await (const key of client.scanIterator()) scanned.push(key);
    expect(scanned.toSorted()).toEqual(covered.toSorted());
    expect(client.topology.coveredSlots).toBe(16_284);
    expect(client.topology.nodeForSlot(GAP[0])).toBeUndefined();

    await expect(client.with({ deadlineMs: 150 }).get(uncovered[0])).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      applied: false,
      cause: { code: 'SLOTS_NOT_COVERED' },
    });
    await expect(client.with({ retry: 'never' }).get(uncovered[0])).rejects.toMatchObject({
      code: 'SLOTS_NOT_COVERED',
    });
  });

  it('serves slots that are assigned later, to waiting calls too', async () => {
    const client = clientOf({ nodes: cluster.seeds, requireFullCoverage: false });
    await client.connect();
    const waiting = Promise.all(uncovered.slice(0, 5).map((key) => client.set(key, 'v')));
    const [owner, ...others] = cluster.nodes;
    await cluster.command(owner, 'CLUSTER', 'ADDSLOTS', ...slots);
    expect(await waiting).toEqual(Array(5).fill('OK'));
    await eventually(async () => {
      await client.refreshTopology();
      return client.topology.coveredSlots === 16_384;
    });
    await eventually(async () => {
      const views = others.map(async (node) => String(await cluster.command(node, 'CLUSTER', 'INFO')));
      return (await Promise.all(views)).every((view) => view.includes('cluster_slots_assigned:16384'));
    });
    // and from now on nothing is missing for anybody
    await clientOf({ nodes: cluster.seeds, startupTimeoutMs: 2_000 }).connect();
  });
});

// T9
describe('nodes that were learned from the cluster', () => {
  it('are queried by default; the configured nodes are used when all of them are lost', async () => {
    const [seed, old, young] = [await fakeNode(), await fakeNode(), await fakeNode()];
    seed.become(telling([0, 16_383, old]));
    const client = clientOf({ nodes: [seed] });
    await client.connect();
    // the cluster's own nodes are believed, not the seed, which tells of another one by now
    seed.become(telling([0, 16_383, young]));
    seed.cut();
    expect((await client.refreshTopology()).primaries.map(({ name }) => name)).toEqual([old.name]);
    await old.stop();
    expect(await client.get('k')).toBe('OK');
    expect(young.asked('get')).toHaveLength(1);
  });

  it('are not queried with dynamicStartupNodes: false; the configured nodes are', async () => {
    const [seed, old, young] = [await fakeNode(), await fakeNode(), await fakeNode()];
    seed.become(telling([0, 16_383, old]));
    const client = clientOf({ nodes: [seed], dynamicStartupNodes: false });
    await client.connect();
    expect(client.topology.primaries.map(({ name }) => name)).toEqual([old.name]);
    seed.become(telling([0, 16_383, young]));
    expect((await client.refreshTopology()).primaries.map(({ name }) => name)).toEqual([young.name]);
    expect(await client.get('k')).toBe('OK');
    expect(young.asked('get')).toHaveLength(1);
  });
});
