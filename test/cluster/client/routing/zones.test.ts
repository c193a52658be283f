import { ClusterClient, InvalidArgumentError, type ClusterNode, type ReadFromZone } from 'keyslot';
import type { LocalCluster } from 'keyslot/testing';
import { breakableCluster } from '../../../breakable-cluster.js';
import { eventually } from '../../../cluster-fixture.js';

const ZONES = ['a', 'b', 'c'];

describe('readFrom a zone', () => {
  let cluster: LocalCluster;
  /** The zones of the nodes by name, and whether the servers report them. */
  let zoneOf: Record<string, string>;
  let isReported: boolean;
  const clients: ClusterClient[] = [];

  // a primary in zone a, replicas in b and c
  breakableCluster({ primaries: 1, replicasPerPrimary: 2, nodeTimeoutMs: 1_500 }, async (whole) => {
    cluster = whole;
    zoneOf = Object.fromEntries(cluster.nodes.map(({ name }, i) => [name, ZONES[i]]));
    const known = (await cluster.command(
      cluster.nodes[0],
      'CONFIG',
      'GET',
      'availability-zone',
    )) as unknown[];
    isReported = known.length > 0;
    if (!isReported) return;
    for (const node of cluster.nodes) {
      await cluster.command(node, 'CONFIG', 'SET', 'availability-zone', zoneOf[node.name]);
    }
  });

  afterEach(() => Promise.all(clients.splice(0).map((client) => client.close())));

  /** Servers before Valkey 8.0 do not know their zones. */
  const choice = (zone: string, fallback?: ReadFromZone['fallback']): ReadFromZone =>
    isReported ? { zone, fallback } : { zone, fallback, zones: zoneOf };

  async function opened(readFrom: ReadFromZone): Promise<ClusterClient> {
    const client = new ClusterClient({ nodes: cluster.seeds, readFrom });
    clients.push(client);
    await client.connect();
    await client.set('k', 'v');
    await eventually(async () => expect(await client.get('k')).toBe('v'));
    return client;
  }

  /** The nodes that get the next 12 reads. */
  async function servers(client: ClusterClient): Promise<string[]> {
    const before = client.stats().nodes;
    for (let i = 0; i < 12; i++) expect(await client.get('k')).toBe('v');
    const after = client.stats().nodes;
    return Object.keys(after).filter((name) => after[name].commands > (before[name]?.commands ?? 0));
  }

  const inZone = (zone: string): string => Object.keys(zoneOf).find((name) => zoneOf[name] === zone)!;
  const primaryOf = (client: ClusterClient): ClusterNode => client.topology.primaries[0];

  it('stays in the zone', async () => {
    for (const zone of ['b', 'c']) {
      const client = await opened(choice(zone));
      await eventually(async () => expect(await servers(client)).toEqual([inZone(zone)]));
    }
  });

  it('reads from the primary where that is the node of the zone', async () => {
    const client = await opened(choice('a'));
    await eventually(async () => expect(await servers(client)).toEqual([inZone('a')]));
  });

  it.each([
    ['any', (names: readonly string[], primary: string) => names.length === 3 && names.includes(primary)],
    [
      'replica',
      (names: readonly string[], primary: string) => names.length === 2 && !names.includes(primary),
    ],
    ['primary', (names: readonly string[], primary: string) => names.length === 1 && names[0] === primary],
  ] as const)('falls back to %s from a zone without nodes', async (fallback, fits) => {
    const client = await opened(choice('nowhere', fallback));
    await eventually(async () => expect(fits(await servers(client), primaryOf(client).name)).toBe(true));
  });

  it('leaves the zone while its replica is frozen, and follows a failover', async () => {
    const client = await opened(choice('b'));
    await eventually(async () => expect(await servers(client)).toEqual([inZone('b')]));
    const near = cluster.nodes.find(({ name }) => name === inZone('b'))!;
    await cluster.freeze(near);
    try {
      await eventually(async () => expect(await servers(client)).not.toContain(near.name));
    } finally {
      await cluster.thaw(near);
    }
    await cluster.waitUntilStable();
    await cluster.failover(near);
    // now it is the primary of the zone
    await eventually(async () => {
      expect(primaryOf(client).name).toBe(near.name);
      expect(await servers(client)).toEqual([near.name]);
    });
  });

  it('is chosen per call', async () => {
    const client = await opened(choice('b'));
    const far = client.with({ readFrom: choice('c') });
    await eventually(async () => {
      const before = client.stats().nodes[inZone('c')].commands;
      await far.get('k');
      expect(client.stats().nodes[inZone('c')].commands).toBe(before + 1);
    });
  });

  it.each([
    [{ zone: '' }, 'readFrom.zone'],
    [{ fallback: 'any' }, 'readFrom.zone'],
    [{ zone: 'a', fallback: 'nearest' }, 'readFrom.fallback'],
    [{ zone: 'a', zones: ['a'] }, 'readFrom.zones'],
    [{ zone: 'a', zones: { host: 1 } }, 'readFrom.zones'],
    [{ zone: 'a', fallbacks: 'any' }, 'readFrom'],
  ])('rejects %j', (readFrom, named) => {
    const open = (): ClusterClient =>
      new ClusterClient({ nodes: cluster.seeds, readFrom: readFrom as ReadFromZone });
    expect(open).toThrow(InvalidArgumentError);
    expect(open).toThrow(named);
  });
});
