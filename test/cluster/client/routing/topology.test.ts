import { firstValueFrom } from 'rxjs';
import { ClusterClient, InvalidArgumentError, keySlot, SLOT_COUNT, type ClusterTopology } from 'keyslot';
import { sharedCluster } from '../../../cluster-fixture.js';

type SlotsEntry = [first: number, last: number, ...nodes: [host: string, port: number, id: string][]];

describe('the topology of a healthy cluster', () => {
  const shared = sharedCluster();
  let client: ClusterClient;

  beforeAll(async () => {
    client = new ClusterClient({ nodes: shared.nodes });
    await client.connect();
  });

  afterAll(() => client.close());

  it('matches what the servers report', async () => {
    const { topology } = client;
    const entries = (await client.call('CLUSTER', 'SLOTS')) as SlotsEntry[];
    for (const [first, last, [host, port, id], ...replicas] of entries) {
      for (const slot of [first, last]) {
        const primary = topology.nodeForSlot(slot);
        expect(primary).toMatchObject({ host, port, id, name: `${host}:${port}`, role: 'primary' });
        expect(primary?.slots).toContainEqual([first, last]);
        expect(
          topology
            .shardForSlot(slot)
            ?.replicas.map((replica) => replica.id)
            .toSorted(),
        ).toEqual(replicas.map((replica) => replica[2]).toSorted());
      }
    }
    expect(topology.coveredSlots).toBe(SLOT_COUNT);
    expect(topology.nodes).toHaveLength(topology.primaries.length + topology.replicas.length);
    expect(topology.replicas.every(({ role }) => role === 'replica')).toBe(true);
    expect(topology.shards.flatMap(({ slots }) => slots).reduce((sum, [a, b]) => sum + b - a + 1, 0)).toBe(
      SLOT_COUNT,
    );
  });

  it('finds nodes by slot, key and name', () => {
    const { topology } = client;
    for (const key of ['a', '{tag}b', 'é', Buffer.from([0, 255]), 42]) {
      const node = topology.nodeForKey(key);
      expect(node).toBeDefined();
      expect(node).toBe(topology.nodeForSlot(keySlot(key)));
      expect(topology.node(node?.name ?? '')).toBe(node);
      expect(topology.nodeForKey(key, 'replica')?.slots).toEqual(node?.slots);
    }
    expect(topology.node('nowhere:1')).toBeUndefined();
    for (const slot of [-1, SLOT_COUNT, 1.5, Number.NaN, '1' as unknown as number]) {
      expect(() => topology.nodeForSlot(slot)).toThrow(InvalidArgumentError);
    }
  });

  it('cannot be changed by its holder', () => {
    const { topology } = client;
    const before = JSON.stringify(topology.nodes);
    const [node] = topology.nodes as unknown as [Record<string, unknown>];
    const [shard] = topology.shards as unknown as [Record<string, unknown>];
    expect(() => Object.assign(node, { host: 'elsewhere' })).toThrow(TypeError);
    expect(() => Object.assign(shard, { slots: [] })).toThrow(TypeError);
    expect(() => (topology.shards as unknown[]).pop()).toThrow(TypeError);
    expect(() => (topology.shards[0].replicas as unknown[]).push({})).toThrow(TypeError);
    expect(() => ((topology.shards[0].slots as unknown as number[][])[0][0] = 1)).toThrow(TypeError);
    expect(JSON.stringify(client.topology.nodes)).toBe(before);
  });

  it('is the same object until something changes', async () => {
    const { topology } = client;
    await client.echo('x');
    expect(await client.refreshTopology()).toBe(topology);
    expect(client.topology).toBe(topology);
  });

  it('gets a new version with every change, and old snapshots stay unchanged', async () => {
    const seen: ClusterTopology[] = [];
    const subscription = client.topology$.subscribe((topology) => seen.push(topology));
    const before = client.topology;
    const [first, second] = before.primaries;
    expect(before.primaries).toContain(before.defaultNode);

    expect(client.setDefaultNode(second)).toBe(true);
    expect(client.topology.version).toBeGreaterThan(before.version);
    expect(client.topology.defaultNode).toEqual(second);
    expect(before.primaries).toContain(before.defaultNode);
    expect(client.topology.nodes).toEqual(before.nodes);
    expect(await client.call('CLUSTER', 'MYID')).toBe(second.id);

    expect(client.setDefaultNode('nowhere:1')).toBe(false);
    expect(client.topology.defaultNode).toEqual(second);

    expect(client.setDefaultNode(first.name)).toBe(true);
    expect(await client.call('CLUSTER', 'MYID')).toBe(first.id);
    subscription.unsubscribe();
    expect(seen.map(({ version }) => version - before.version)).toEqual([0, 1, 2]);
    expect(seen[0]).toBe(before);
  });

  it('keeps the default node through a refresh', async () => {
    const [first, second] = client.topology.primaries;
    client.setDefaultNode(second);
    await client.refreshTopology();
    expect(client.topology.defaultNode).toEqual(second);
    client.setDefaultNode(first);
  });

  it('is replayed to late subscribers, and completes when the client is closed', async () => {
    const other = new ClusterClient({ nodes: shared.nodes });
    expect((await firstValueFrom(other.topology$)).coveredSlots).toBe(0);
    expect(other.topology.defaultNode).toBeUndefined();
    await other.connect();
    expect(await firstValueFrom(other.topology$)).toBe(other.topology);
    const versions: number[] = [];
    const completed = new Promise<void>((resolve) => {
      other.topology$.subscribe({ next: ({ version }) => versions.push(version), complete: resolve });
    });
    await other.close();
    await completed;
    expect(versions).toEqual([other.topology.version]);
  });

  it('cannot be emitted to by a subscriber', () => {
    expect(client.topology$).not.toHaveProperty('next');
  });

  it('is reported by events too', async () => {
    const other = new ClusterClient({ nodes: shared.nodes });
    const added: string[] = [];
    other.on('+node', ({ name }: { name: string }) => added.push(name));
    await other.connect();
    expect(added.toSorted()).toEqual(other.topology.nodes.map(({ name }) => name).toSorted());
    await other.close();
  });
});
