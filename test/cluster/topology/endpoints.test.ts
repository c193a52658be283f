import { ClusterClient, keySlot, type ClusterClientOptions, type NodeAddress } from 'keyslot';
import { LocalCluster, type LocalNode } from 'keyslot/testing';
import { eventually } from '../../cluster-fixture.js';

type SlotsEntry = [first: number, last: number, ...nodes: [endpoint: string | null, port: number][]];

let cluster: LocalCluster;
const clients: ClusterClient[] = [];

function clientOf(options: ClusterClientOptions): ClusterClient {
  const client = new ClusterClient(options);
  clients.push(client);
  return client;
}

/** Has every node announce itself in some way, and waits until every node tells every other by these endpoints. */
async function announce(
  directives: Record<string, string>,
  expected: (endpoint: string | null) => boolean,
): Promise<void> {
  for (const node of cluster.nodes) {
    for (const [name, value] of Object.entries(directives))
      await cluster.command(node, 'CONFIG', 'SET', name, value);
  }
  await eventually(async () => {
    const replies = await Promise.all(cluster.nodes.map((node) => cluster.command(node, 'CLUSTER', 'SLOTS')));
    const endpoints = (replies as SlotsEntry[][])
      .flat()
      .flatMap(([, , ...nodes]) => nodes.map(([endpoint]) => endpoint));
    return endpoints.every(expected);
  });
}

/** Keys of three nodes, each with its owner. */
async function keysOfAll(): Promise<[key: string, owner: LocalNode][]> {
  const found = new Map<LocalNode, string>();
  for (let i = 0; found.size < cluster.nodes.length; i++)
    found.set(await cluster.primaryOfSlot(keySlot(`k${i}`)), `k${i}`);
  return [...found].map(([owner, key]) => [key, owner]);
}

/** Everything that depends on addresses: slots, MOVED and ASK. */
async function useCluster(seed: NodeAddress | string, host: string): Promise<void> {
  const client = clientOf({ nodes: [seed] });
  await client.connect();
  const nameOf = (node: LocalNode): string => `${host}:${node.port}`;
  expect(client.topology.nodes.map(({ name }) => name).toSorted()).toEqual(
    cluster.nodes.map(nameOf).toSorted(),
  );
  const [[key, from], [, to]] = await keysOfAll();
  for (const [name, owner] of await keysOfAll()) {
    await client.set(name, 'v');
    expect(client.topology.nodeForKey(name)?.name).toBe(nameOf(owner));
  }
  const slot = keySlot(key);
  const migration = await cluster.beginSlotMigration(slot, from, to);
  await migration.moveKeys();
  // the slot's owner answers ASK
  await expect(cluster.command(from, 'GET', key)).rejects.toMatchObject({ code: 'ASK' });
  expect(await client.get(key)).toBe('v');
  expect(client.topology.nodeForSlot(slot)?.name).toBe(nameOf(from));
  await migration.finish();
  // and now MOVED, which is believed at once
  expect(await client.get(key)).toBe('v');
  expect(client.topology.nodeForSlot(slot)?.name).toBe(nameOf(to));
  await cluster.migrateSlots([slot], to, from);
  expect(await client.blpop(key + '{' + key + '}', 0.01)).toBeNull();
}

beforeAll(async () => {
  cluster = await LocalCluster.start({ replicasPerPrimary: 0 });
});
afterAll(() => cluster?.stop());
afterEach(() => clients.splice(0).forEach((client) => client.disconnect()));

// T8
describe('a cluster that does not announce addresses (endpoint type unknown-endpoint)', () => {
  beforeAll(() =>
    announce({ 'cluster-preferred-endpoint-type': 'unknown-endpoint' }, (endpoint) => endpoint === null),
  );

  it.each(['127.0.0.1', 'localhost'])('is reached at the configured host, %s', async (host) => {
    await useCluster({ host, port: cluster.seeds[0].port }, host);
  });
});

// T8, T14
describe('a cluster that announces hostnames', () => {
  beforeAll(() =>
    announce(
      { 'cluster-announce-hostname': 'localhost', 'cluster-preferred-endpoint-type': 'hostname' },
      (endpoint) => endpoint === 'localhost',
    ),
  );

  it('is reached by its hostnames', async () => {
    await useCluster(cluster.seeds[0], 'localhost');
  });

  it('is used as far as nodes have a name; nodes announced as "?" are unknown until they have one', async () => {
    const [[key, nameless], [other]] = await keysOfAll();
    await cluster.command(nameless, 'CONFIG', 'SET', 'cluster-announce-hostname', '');
    await eventually(async () => {
      const replies = await Promise.all(
        cluster.nodes.map((node) => cluster.command(node, 'CLUSTER', 'SLOTS')),
      );
      return (replies as SlotsEntry[][]).every((entries) => entries.flat(2).includes('?'));
    });
    await expect(clientOf({ nodes: cluster.seeds, startupTimeoutMs: 300 }).connect()).rejects.toMatchObject({
      code: 'ANNOUNCED_UNREACHABLE',
      message: expect.stringContaining(`announces ?:${nameless.port}`),
    });
    const client = clientOf({ nodes: cluster.seeds, requireFullCoverage: false });
    expect(await client.set(other, 'v')).toBe('OK');
    expect(client.topology.primaries).toHaveLength(2);
    const waiting = client.set(key, 'v');
    await cluster.command(nameless, 'CONFIG', 'SET', 'cluster-announce-hostname', 'localhost');
    expect(await waiting).toBe('OK');
    expect(client.topology.primaries).toHaveLength(3);
  });
});

// T14
describe('a cluster that announces IPv6 addresses', () => {
  // leads to 127.0.0.1, where the servers listen, also on machines whose interfaces have no IPv6 address
  const ADDRESS = '::ffff:127.0.0.1';

  beforeAll(() =>
    announce(
      { 'cluster-announce-ip': ADDRESS, 'cluster-preferred-endpoint-type': 'ip' },
      (endpoint) => endpoint === ADDRESS,
    ),
  );

  it.each<[string, (port: number) => NodeAddress | string]>([
    ['host and port', (port) => ({ host: ADDRESS, port })],
    ['text', (port) => `[${ADDRESS}]:${port}`],
    ['a URL', (port) => `redis://[${ADDRESS}]:${port}`],
  ])('is reached by them, from a node given as %s', async (_, seedOf) => {
    await useCluster(seedOf(cluster.seeds[0].port), ADDRESS);
  });
});
