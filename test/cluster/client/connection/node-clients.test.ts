import { inspect } from 'node:util';
import { Redis } from 'ioredis';
import { ClusterClient, type NodeClientRole } from 'keyslot';
import type { LocalCluster } from 'keyslot/testing';
import { breakableCluster } from '../../../breakable-cluster.js';
import { eventually } from '../../../cluster-fixture.js';

describe('nodes()', () => {
  let cluster: LocalCluster;
  let client: ClusterClient;
  const password = 'planted-in-node-clients';

  breakableCluster({ primaries: 2, replicasPerPrimary: 1, password, nodeTimeoutMs: 1_500 }, (whole) => {
    cluster = whole;
    client = new ClusterClient({ nodes: cluster.seeds, password, clientName: 'mine', deadlineMs: 30_000 });
    return () => client.close();
  });

  const namesOf = (role?: NodeClientRole): string[] =>
    client
      .nodes(role)
      .map(({ options: { host, port } }) => `${host}:${port}`)
      .toSorted();
  const topologyNames = (kind: 'nodes' | 'primaries' | 'replicas'): string[] =>
    client.topology[kind].map(({ name }) => name).toSorted();
  const connections = async (): Promise<number> =>
    [...(await client.target('all').client('LIST')).values()].join('').split('name=mine').length - 1;

  it('returns the startup nodes before the client has connected, and then connects it', async () => {
    const [first] = cluster.seeds;
    // the cluster knows this node by another name
    const other = client.duplicate([{ host: 'localhost', port: first.port }, first]);
    try {
      expect(other.nodes('slave')).toEqual([]);
      const seeds = other.nodes('master');
      expect(seeds.map(({ options: { host, port } }) => `${host}:${port}`)).toEqual([
        `localhost:${first.port}`,
        `${first.host}:${first.port}`,
      ]);
      expect(await Promise.all(seeds.map((node) => node.ping()))).toEqual(['PONG', 'PONG']);
      await eventually(() => other.nodes().length === 4);
      expect(other.status).toBe('ready');
      await eventually(() => seeds[0].status === 'end');
      expect(other.nodes()).toContain(seeds[1]);
    } finally {
      await other.close();
    }
    await client.connect();
  });

  it('returns an ioredis client for each node, by the roles of ioredis and of Keyslot', async () => {
    expect(client.nodes().every((node) => node instanceof Redis)).toBe(true);
    expect(namesOf()).toEqual(topologyNames('nodes'));
    expect(namesOf('all')).toEqual(topologyNames('nodes'));
    for (const role of ['master', 'primaries'] as const)
      expect(namesOf(role)).toEqual(topologyNames('primaries'));
    for (const role of ['slave', 'replicas'] as const)
      expect(namesOf(role)).toEqual(topologyNames('replicas'));
    expect(() => client.nodes('nobody' as 'all')).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', argument: 'role' }),
    );
  });

  it('connects none of them before it is used, and none twice', async () => {
    const before = await connections();
    expect(new Set([...client.nodes(), ...client.nodes()]).size).toBe(4);
    expect(client.nodes().map(({ status }) => status)).toEqual(['wait', 'wait', 'wait', 'wait']);
    expect(await connections()).toBe(before);
    const pongs = client.nodes().flatMap((node) => [node.ping(), node.ping()]);
    expect(await Promise.all(pongs)).toEqual(Array(8).fill('PONG'));
    expect(await connections()).toBe(before + 4);
  });

  it('reads from replicas their own data', async () => {
    await client.set('k', 'v');
    const owner = client.topology.nodeForKey('k', 'replica')?.port;
    const replica = client.nodes('slave').find(({ options }) => options.port === owner) as Redis;
    await eventually(async () => expect(await replica.get('k')).toBe('v'));
    await expect(replica.set('k', 'w')).rejects.toThrow('MOVED');
  });

  it('monitors a node, with the credentials of the client', async () => {
    const monitor = await client.nodes('master')[0].monitor();
    try {
      const seen = new Promise<string[]>((resolve) =>
        monitor.on('monitor', (_, args: string[]) => resolve(args)),
      );
      await client.nodes('master')[0].echo('seen');
      expect(await seen).toEqual(['echo', 'seen']);
    } finally {
      monitor.disconnect();
    }
  });

  it('shows no password', () => {
    for (const depth of [1, Infinity])
      expect(inspect(client.nodes(), { depth, showHidden: false })).not.toContain(password);
    expect(JSON.stringify(client.nodes())).not.toContain(password);
  });

  it('follows the topology', async () => {
    const [promoted] = client.topology.replicas;
    const standing = client.nodes('slave').find(({ options }) => options.port === promoted.port) as Redis;
    await cluster.failover(promoted.name);
    await eventually(() =>
      client.refreshTopology().then(({ primaries }) => primaries.some(({ id }) => id === promoted.id)),
    );
    expect(client.nodes('master')).toContain(standing);
    expect(namesOf('master')).toEqual(topologyNames('primaries'));
    expect(await standing.call('SET', keyOf(promoted.port), 'w')).toBe('OK');
  });

  it('returns another client once the connection of the last one is lost', async () => {
    const [first] = client.nodes('master');
    await first.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'no').catch(() => {});
    await eventually(() => !client.nodes().includes(first));
    const replaced = client
      .nodes('master')
      .find(({ options }) => options.port === first.options.port) as Redis;
    expect(await replaced.ping()).toBe('PONG');
  });

  it('fails waiting commands if credentials are unavailable', async () => {
    let given = { password };
    const other = new ClusterClient({
      nodes: cluster.seeds,
      credentialsProvider: () => {
        if (given.password === '') throw new Error('the vault is sealed');
        return given;
      },
    });
    try {
      await other.connect();
      given = { password: '' };
      await expect(other.nodes()[0].ping()).rejects.toThrow('Connection is closed');
      given = { password };
      await eventually(async () => expect(await other.nodes()[0].ping()).toBe('PONG'));
    } finally {
      await other.close();
    }
  });

  it('ends the client of a node that leaves', async () => {
    const { name, port: lost } = client.topology.replicas[0];
    await cluster.kill(name);
    const standing = client.nodes('slave').find(({ options }) => options.port === lost) as Redis;
    await eventually(
      () => client.refreshTopology().then(({ nodes }) => nodes.every(({ port }) => port !== lost)),
      {
        timeoutMs: 30_000,
      },
    );
    await eventually(() => standing.status === 'end');
    expect(namesOf()).toEqual(topologyNames('nodes'));
  });

  it('ends its clients with the cluster client, and starts over with it', async () => {
    const standing = client.nodes();
    await client.quit();
    await eventually(() => expect(standing.map(({ status }) => status)).toEqual(standing.map(() => 'end')));
    expect(client.nodes()).toEqual([]);
    await client.connect();
    expect(await client.nodes('master')[0].ping()).toBe('PONG');
  });

  /** A key that this node owns. */
  function keyOf(port: number): string {
    for (let i = 0; ; i++) if (client.topology.nodeForKey(`k${i}`)?.port === port) return `k${i}`;
  }
});
