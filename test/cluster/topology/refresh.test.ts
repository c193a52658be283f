import { config } from 'rxjs';
import {
  ClusterClient,
  keySlot,
  type ClusterClientOptions,
  type ClusterNode,
  type ClusterTopology,
} from 'keyslot';
import type { LocalCluster, LocalNode } from 'keyslot/testing';
import { breakableCluster } from '../../breakable-cluster.js';
import { eventually } from '../../cluster-fixture.js';
import { FakeNode, slotsReply, type Request } from '../../fake-node.js';

const clients: ClusterClient[] = [];

function clientOf(options: ClusterClientOptions): ClusterClient {
  const client = new ClusterClient(options);
  clients.push(client);
  return client;
}

afterEach(() => clients.splice(0).forEach((client) => client.disconnect()));

// T10
describe('a storm of redirects', () => {
  const nodes: FakeNode[] = [];
  let moved = 0;

  /** Two nodes that share the slots, and each says of every key that the other one has it. */
  beforeEach(async () => {
    moved = 0;
    nodes.push(await FakeNode.start(), await FakeNode.start());
    nodes.forEach((node, i) => {
      const other = nodes[1 - i];
      node.become(([name, key]: Request) => {
        if (name.toLowerCase() === 'cluster')
          return slotsReply([0, 8191, nodes[0]], [8192, 16_383, nodes[1]]);
        if (name.toLowerCase() !== 'get') return undefined;
        moved++;
        return `-MOVED ${keySlot(key)} ${other.name}\r\n`;
      });
    });
  });
  afterEach(() => Promise.all(nodes.splice(0).map((node) => node.stop())));

  const refreshes = (): number =>
    Math.max(...nodes.map((node) => node.asked('cluster').filter(([, word]) => word === 'SLOTS').length));
  const accepted = (): number => nodes.reduce((sum, node) => sum + node.accepted, 0);

  it('of thousands causes one read of the topology per second, over open connections', async () => {
    const client = clientOf({ nodes, deadlineMs: 2_500 });
    await client.connect();
    const [before, connections, startedAt] = [refreshes(), accepted(), performance.now()];
    const calls = Array.from({ length: 1_500 }, (_, i) => client.get(`k${i}`).catch((error: Error) => error));
    const results = await Promise.all(calls);
    const seconds = (performance.now() - startedAt) / 1_000;
    for (const result of results)
      expect(result).toMatchObject({ code: 'DEADLINE_EXCEEDED', cause: { code: 'MOVED' } });
    expect(moved).toBeGreaterThan(calls.length);
    expect(refreshes() - before).toBeGreaterThanOrEqual(1);
    // the first at once
    expect(refreshes() - before).toBeLessThanOrEqual(1 + seconds);
    expect(accepted()).toBe(connections);
    expect(client.topology.nodes).toHaveLength(2);
  });

  it('by a single call does not loop', async () => {
    const client = clientOf({ nodes, deadlineMs: 400 });
    await expect(client.get('k')).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    // at a call a millisecond it would be hundreds
    expect(moved).toBeLessThan(50);
  });

  it('to unknown nodes opens no connection to any of them', async () => {
    const stranger = await FakeNode.start();
    const [node] = nodes;
    node.become(([name]) => {
      if (name.toLowerCase() === 'cluster') return slotsReply([0, 16_383, node]);
      return name.toLowerCase() === 'get' ? `-MOVED 7 ${stranger.name}\r\n` : undefined;
    });
    const client = clientOf({ nodes: [node], username: 'app', password: 'planted', deadlineMs: 400 });
    await client.connect();
    const [before, connections] = [refreshes(), node.accepted];
    await Promise.all(Array.from({ length: 100 }, (_, i) => client.get(`k${i}`).catch(() => {})));
    expect(stranger.accepted).toBe(0);
    expect(refreshes() - before).toBeLessThanOrEqual(2);
    expect(node.accepted).toBe(connections);
    await stranger.stop();
  });
});

describe('a cluster that changes', () => {
  let cluster: LocalCluster;
  breakableCluster({}, (whole) => void (cluster = whole));

  const slotOf = async (owner: LocalNode): Promise<{ key: string; slot: number }> => {
    for (let i = 0; ; i++) {
      const key = `k${i}`;
      if ((await cluster.primaryOfSlot(keySlot(key))) === owner) return { key, slot: keySlot(key) };
    }
  };
  const replicaOf = async (primary: LocalNode): Promise<LocalNode> => {
    const lines = String(await cluster.command(primary, 'CLUSTER', 'REPLICAS', primary.id));
    return cluster.replicas.find((node) => lines.includes(node.id)) as LocalNode;
  };
  /** How often the servers were asked for their slots, and for a connection. */
  const counted = async (): Promise<{ reads: number; connections: number }> => {
    let reads = 0;
    let connections = 0;
    for (const node of cluster.nodes) {
      const stats = String(await cluster.command(node, 'INFO', 'commandstats'));
      reads += Number(/cmdstat_cluster\|slots:calls=(\d+)/.exec(stats)?.[1] ?? 0);
      // every connection of a client asks for it once; those by which servers hand keys over do not
      connections += Number(/cmdstat_cluster\|myid:calls=(\d+)/.exec(stats)?.[1] ?? 0);
    }
    return { reads, connections };
  };

  // T10: a MOVED is believed at once, for its slot
  it('is followed by one MOVED per slot', async () => {
    const [from, to] = cluster.primaries;
    const { key, slot } = await slotOf(from);
    const client = clientOf({ nodes: cluster.seeds });
    await client.set(key, 'v');
    const { version } = client.topology;
    await cluster.migrateSlots([slot], from, to);
    expect(client.topology.nodeForSlot(slot)?.name).toBe(from.name);
    expect(await client.get(key)).toBe('v');
    expect(client.topology.nodeForSlot(slot)?.name).toBe(to.name);
    expect(client.topology.version).toBeGreaterThan(version);
    await cluster.migrateSlots([slot], to, from);
  });

  // T10
  it('is read about once a second while 100 slots move under load, over open connections', async () => {
    const [from, to] = cluster.primaries;
    // a server of a busy machine may be silent for longer than by default, which calls for a second connection
    const client = clientOf({ nodes: cluster.seeds, replyTimeoutMs: 9_000 });
    const [[first]] = (await slotsOf(from)) as [[number, number]];
    const moving = Array.from({ length: 100 }, (_, i) => first + i);
    const keys = Array.from({ length: 20_000 }, (_, i) => `k${i}`).filter((key) =>
      moving.includes(keySlot(key)),
    );
    for (const key of keys) await client.set(key, 'v');
    const before = await counted();
    const startedAt = performance.now();
    let done = false;
    const load = (async () => {
      while (!done)
        expect(await Promise.all(keys.map((key) => client.get(key)))).toEqual(keys.map(() => 'v'));
    })();
    await cluster.migrateSlots(moving, from, to);
    await cluster.migrateSlots(moving, to, from);
    done = true;
    await load;
    const seconds = (performance.now() - startedAt) / 1_000;
    const after = await counted();
    // three nodes are asked each time
    expect(after.reads - before.reads).toBeLessThanOrEqual(3 * (1 + seconds));
    expect(after.connections).toBe(before.connections);
  });

  // T17
  it('emits slot moves and failovers on topology$, in increasing versions', async () => {
    const [from, to] = cluster.primaries;
    const { key, slot } = await slotOf(from);
    const client = clientOf({ nodes: cluster.seeds });
    const snapshots: ClusterTopology[] = [];
    client.topology$.subscribe((topology) => snapshots.push(topology));
    await client.connect();
    const owners = (): (string | undefined)[] =>
      snapshots.map((topology) => topology.nodeForSlot(slot)?.name);

    await cluster.migrateSlots([slot], from, to);
    await client.get(key);
    expect(owners()).toEqual(expect.arrayContaining([from.name, to.name]));
    await cluster.migrateSlots([slot], to, from);
    await client.get(key);
    expect(owners().at(-1)).toBe(from.name);

    const replica = await replicaOf(from);
    await cluster.failover(replica);
    await client.get(key);
    await eventually(() => {
      const { shards } = client.topology;
      const shard = shards.find(({ primary }) => primary.name === replica.name);
      expect(shard?.replicas.map(({ name }) => name)).toEqual([from.name]);
      expect(shards).toHaveLength(3);
    });
    expect(owners().at(-1)).toBe(replica.name);
    const versions = snapshots.map(({ version }) => version);
    expect(versions).toEqual([...new Set(versions)].toSorted((a, b) => a - b));
    for (let i = 1; i < snapshots.length; i++) expect(snapshots[i].sameView(snapshots[i - 1])).toBe(false);
  });

  // T17
  it('is still followed if subscribers and listeners throw', async () => {
    const unhandled: unknown[] = [];
    config.onUnhandledError = (error) => unhandled.push(error);
    const thrown: unknown[] = [];
    const heard: string[] = [];
    try {
      const client = clientOf({ nodes: cluster.seeds });
      client.on('error', (error: unknown) => thrown.push(error));
      for (const event of ['connecting', 'connect', 'ready', '+node', '-node', 'close', 'end']) {
        client.on(event, () => {
          throw new Error(`from a listener to ${event}`);
        });
        client.on(event, () => heard.push(event));
      }
      client.topology$.subscribe(() => {
        throw new Error('from a subscriber');
      });
      const snapshots: ClusterTopology[] = [];
      client.topology$.subscribe((topology) => snapshots.push(topology));
      await client.connect();
      expect(client.status).toBe('ready');

      const [from, to] = cluster.primaries;
      const { key, slot } = await slotOf(from);
      await client.set(key, 'v');
      await cluster.migrateSlots([slot], from, to);
      expect(await client.get(key)).toBe('v');
      expect(snapshots.at(-1)?.nodeForSlot(slot)?.name).toBe(to.name);
      await cluster.migrateSlots([slot], to, from);
      await client.refreshTopology();
      expect(client.topology.nodeForSlot(slot)?.name).toBe(from.name);

      const newcomer = await cluster.addNode({ replicaOf: cluster.primaries[0] });
      await eventually(async () => (await client.refreshTopology()).node(newcomer.name) !== undefined);
      await cluster.removeNode(newcomer);
      await eventually(async () => (await client.refreshTopology()).node(newcomer.name) === undefined);
      await client.close();
      expect(client.status).toBe('end');
      expect(heard.filter((event) => event === '+node')).toHaveLength(7);
      expect(heard.filter((event) => event !== '+node')).toEqual([
        'connecting',
        'connect',
        'ready',
        '-node',
        'close',
        'end',
      ]);
      expect(thrown).toHaveLength(heard.length);
      // rxjs hands these over when the stack is clear
      await eventually(() => unhandled.length === snapshots.length);
      expect(String(unhandled[0])).toContain('from a subscriber');
    } finally {
      config.onUnhandledError = null;
    }
  });

  // CLUSTER SLOTS is silent about nodes without slots, and redirects name them
  it('includes a new node without slots until its first slot has arrived', async () => {
    const client = clientOf({ nodes: cluster.seeds });
    const [from] = cluster.primaries;
    const { key, slot } = await slotOf(from);
    const list = `${key}{${key}}`;
    await client.set(key, 'v');
    await client.rpush(list, 'a', 'b');
    const newcomer = await cluster.addNode();
    const migration = await cluster.beginSlotMigration(slot, from, newcomer);
    await migration.moveKeys();
    expect(await client.get(key)).toBe('v');
    expect(client.topology.node(newcomer.name)).toMatchObject({
      role: 'primary',
      slots: [],
      id: newcomer.id,
    });
    expect(await clientOf({ nodes: cluster.seeds }).blpop(list, 1)).toEqual([list, 'a']);
    const scanned: string[] = [];
    for await (const name of clientOf({ nodes: cluster.seeds }).scanIterator({ match: `${key}*` }))
      scanned.push(name);
    expect(scanned).toEqual(expect.arrayContaining([key, list]));
    // it holds nothing that a fan-out would have to ask it for, and is there to be named
    expect(await client.dbsize()).toEqual(expect.any(Number));
    expect([...(await client.target('primaries').ping()).keys()]).toContain(newcomer.name);
    await migration.finish();
    expect(await client.get(key)).toBe('v');
    expect(client.topology.nodeForSlot(slot)?.name).toBe(newcomer.name);
    await cluster.migrateSlots([slot], newcomer, from);
    expect(await client.get(key)).toBe('v');
    await cluster.waitUntilStable();
    await cluster.removeNode(newcomer);
    await eventually(async () => (await client.refreshTopology()).node(newcomer.name) === undefined);
  });

  // T13, T17
  it('gets another default node once the current one is lost, without a call that waits for it', async () => {
    const client = clientOf({ nodes: cluster.seeds });
    await client.connect();
    const lost = client.topology.defaultNode as ClusterNode;
    const replica = await replicaOf(cluster.nodes.find(({ name }) => name === lost.name) as LocalNode);
    await cluster.kill(lost.name);
    // long before the cluster itself has noticed
    expect(await client.with({ deadlineMs: 1_000 }).echo('still here')).toBe('still here');
    expect(await client.with({ deadlineMs: 1_000 }).eval('return 1', 0)).toBe(1);
    await eventually(() => {
      expect(client.topology.node(replica.name)?.role).toBe('primary');
      expect(client.topology.primaries).toContain(client.topology.defaultNode);
      expect(client.topology.defaultNode?.name).not.toBe(lost.name);
    });
    await cluster.restart(lost.name);
  });

  async function slotsOf(node: LocalNode): Promise<readonly (readonly [number, number])[]> {
    const client = clientOf({ nodes: [node] });
    await client.connect();
    return client.topology.node(node.name)?.slots ?? [];
  }
});
