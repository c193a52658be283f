import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import {
  ClusterClient,
  Script,
  type ClusterClientOptions,
  type ClusterNode,
  type NodeAddress,
  type ReadFrom,
} from 'keyslot';
import type { LocalCluster, LocalNode } from 'keyslot/testing';
import { breakableCluster } from '../../../breakable-cluster.js';
import { eventually } from '../../../cluster-fixture.js';

const MODES = [
  'primary',
  'primaryPreferred',
  'replica',
  'replicaPreferred',
  'roundRobin',
  'roundRobinReplicas',
  'randomReplica',
  'lowestLatency',
] as const;

// A11: one shard with two replicas, so that one can fail and the other serves
describe('a primary with two replicas', () => {
  let cluster: LocalCluster;
  let primary: LocalNode;
  let replicas: readonly LocalNode[];
  const clients: ClusterClient[] = [];

  breakableCluster(
    {
      primaries: 1,
      replicasPerPrimary: 2,
      nodeTimeoutMs: 1_500,
      config: { 'enable-debug-command': 'yes', 'loading-process-events-interval-bytes': '1024' },
    },
    (whole) => {
      cluster = whole;
      [primary] = cluster.primaries;
      ({ replicas } = cluster);
    },
  );
  afterEach(() => clients.splice(0).forEach((client) => client.disconnect()));

  function clientOf(options: ClusterClientOptions = {}): ClusterClient {
    const client = new ClusterClient({ nodes: cluster.seeds, ...options });
    clients.push(client);
    return client;
  }

  /** A value that all nodes have. */
  async function replicated(client: ClusterClient, key: string, value: string): Promise<void> {
    await client.set(key, value);
    await eventually(async () => {
      for (const replica of replicas)
        expect(await client.target(nodeOf(client, replica)).get(key)).toBe(value);
    });
  }

  const nodeOf = (client: ClusterClient, { name }: LocalNode): ClusterNode =>
    client.topology.node(name) as ClusterNode;

  /** Reads over and over; every one has to succeed. */
  async function readAll(
    client: ClusterClient,
    readFrom: ReadFrom,
    key: string,
    value: string,
    times = 30,
  ): Promise<void> {
    const view = client.with({ readFrom });
    for (let i = 0; i < times; i++) expect(await view.get(key)).toBe(value);
  }

  const calls = async (node: LocalNode, command: string): Promise<number> => {
    const stats = String(await cluster.command(node, 'INFO', 'commandstats'));
    return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
  };

  // R1, R2: the replicas' own account: none was ever asked to write
  it.each(MODES)('%s: writes never leave the primary, whatever they look like', async (readFrom) => {
    const client = clientOf({ readFrom });
    await client.connect();
    for (const node of cluster.nodes) await cluster.command(node, 'CONFIG', 'RESETSTAT');
    for (let i = 0; i < 5; i++) {
      await client.set('{k}', i);
      await client.get('{k}');
      await client.getset('{k}', i);
      await client.getex('{k}', 'PERSIST');
      await client.hset('{k}h', 'f', i);
      await client.hgetall('{k}h');
      await client.rpush('{k}l', 3, 1, 2);
      await client.sort('{k}l');
      await client.sort('{k}l', 'STORE', '{k}s');
      await client.bitfield('{k}b', 'SET', 'u8', 0, 1);
      await client.pipeline().get('{k}').incr('{k}').get('{k}').exec();
      await client.multi().get('{k}').incr('{k}').exec();
      await client.transaction(['{k}'], async (tx) => tx.multi().set('{k}', Number(await tx.get('{k}')) + 1));
      await client.eval(`return redis.call('INCR', KEYS[1])`, 1, '{k}');
      await client.runScript(new Script(`return redis.call('GET', KEYS[1])`), ['{k}'], []);
      await client.blpop('{k}l', 1);
      await client.call('GETDEL', '{k}');
      await client.del('{k}h', '{k}l', '{k}s', '{k}b');
    }
    for (const replica of replicas) {
      const errors = String(await cluster.command(replica, 'INFO', 'errorstats'));
      expect(errors).not.toMatch(/errorstat_(MOVED|READONLY)/);
    }
    if (readFrom === 'replica') expect(await calls(primary, 'hgetall')).toBe(0);
    if (readFrom === 'primary')
      for (const replica of replicas) expect(await calls(replica, 'hgetall')).toBe(0);
  });

  // R5: a connection that lost its READONLY would be redirected
  it('reads from replicas over new connections too', async () => {
    const client = clientOf({ readFrom: 'replica' });
    await client.connect();
    await replicated(client, 'k', 'again');
    await readAll(client, 'replica', 'k', 'again', 4);
    for (const node of cluster.nodes) await cluster.command(node, 'CONFIG', 'RESETSTAT');
    for (const replica of replicas)
      await cluster.command(replica, 'CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await readAll(client, 'replica', 'k', 'again', 8);
    expect(await calls(primary, 'get')).toBe(0);
    for (const replica of replicas) {
      expect(String(await cluster.command(replica, 'INFO', 'errorstats'))).not.toContain('MOVED');
    }
  });

  // R4
  it('skips a frozen replica', async () => {
    const client = clientOf({ replyTimeoutMs: 150 });
    await client.connect();
    await replicated(client, 'k', 'thawed');
    const [frozen] = replicas;
    await cluster.freeze(frozen);
    try {
      // those that were sent to it are sent again, and nobody has to wait for it after that
      await readAll(client, 'replica', 'k', 'thawed', 6);
      const sent = (): number => client.stats().nodes[frozen.name].commands;
      const before = sent();
      const replicasInTurn = client.with({ readFrom: 'roundRobinReplicas' });
      for (let i = 0; i < 50; i++) expect(await replicasInTurn.get('k')).toBe('thawed');
      expect(await client.with({ readFrom: 'roundRobin' }).get('k')).toBe('thawed');
      expect(sent()).toBe(before);
      const seen = new Set<string>();
      await client
        .with({ readFrom: (nodes) => (nodes.forEach(({ name }) => seen.add(name)), nodes[0]) })
        .get('k');
      expect(seen).toEqual(new Set([primary.name, replicas[1].name]));
    } finally {
      await cluster.thaw(frozen);
    }
    await cluster.waitUntilStable();
    await cluster.command(frozen, 'CONFIG', 'RESETSTAT');
    await eventually(async () => {
      await readAll(client, 'replica', 'k', 'thawed', 4);
      return (await calls(frozen, 'get')) > 0;
    });
  });

  // R4
  it('primaryPreferred: reads from replicas while the primary is frozen', async () => {
    const client = clientOf({ replyTimeoutMs: 100, readFrom: 'primaryPreferred' });
    await client.connect();
    await replicated(client, 'k', 'preferred');
    await cluster.freeze(primary);
    try {
      const stuck = client.with({ readFrom: 'primary', deadlineMs: 10_000 }).get('k');
      await eventually(async () => (await client.with({ deadlineMs: 50 }).get('k')) === 'preferred', {
        timeoutMs: 1_200,
      });
      await cluster.thaw(primary);
      expect(await stuck).toBe('preferred');
    } finally {
      await cluster.thaw(primary);
    }
    await cluster.waitUntilStable();
  });

  describe('with a broken link to one replica', () => {
    let cut: LocalNode;
    let password: string;

    beforeEach(async () => {
      [cut] = replicas;
      [, password] = (await cluster.command(cut, 'CONFIG', 'GET', 'masterauth')) as string[];
      await cluster.command(cut, 'CONFIG', 'SET', 'masterauth', 'wrong');
      await cluster.command(primary, 'CLIENT', 'KILL', 'TYPE', 'replica');
      await eventually(async () => {
        expect(String(await cluster.command(cut, 'INFO', 'replication'))).toContain(
          'master_link_status:down',
        );
        expect(String(await cluster.command(replicas[1], 'INFO', 'replication'))).toContain(
          'master_link_status:up',
        );
      });
    });

    afterEach(async () => {
      await cluster.command(cut, 'CONFIG', 'SET', 'masterauth', password);
      await cluster.command(cut, 'CONFIG', 'SET', 'replica-serve-stale-data', 'yes');
      await cluster.waitUntilStable();
    });

    // R4: it answers MASTERDOWN
    it.each(['replica', 'replicaPreferred', 'roundRobin', 'randomReplica'] as const)(
      '%s: skips a replica that reports it',
      async (readFrom) => {
        await cluster.command(cut, 'CONFIG', 'SET', 'replica-serve-stale-data', 'no');
        const client = clientOf();
        await client.set('k', 'fresh');
        await client.wait(1, 5_000);
        await readAll(client, readFrom, 'k', 'fresh');
      },
    );

    // R4: it answers what it had when it was cut off
    it('skips a replica that serves stale data', async () => {
      const client = clientOf();
      await client.set('k', 'older');
      await client.set('k', 'fresh');
      await client.wait(1, 5_000);
      await eventually(() => readAll(client, 'replica', 'k', 'fresh'));
      await readAll(client, 'roundRobin', 'k', 'fresh');
    });
  });

  // R4
  it('skips a replica that is loading', async () => {
    const client = clientOf();
    await client.connect();
    const pipeline = client.pipeline();
    for (let i = 0; i < 2_000; i++) pipeline.set(`filler:${i}`, 'x'.repeat(100));
    await pipeline.exec();
    await replicated(client, 'k', 'loaded');
    const [loading] = replicas;
    await cluster.command(loading, 'CONFIG', 'SET', 'key-load-delay', '500');
    const reloaded = cluster.command(loading, 'DEBUG', 'RELOAD').catch(() => {});
    await eventually(async () => {
      const answer: unknown = await client
        .target(nodeOf(client, loading))
        .get('k')
        .catch((error: Error) => error);
      expect(answer).toMatchObject({ code: 'LOADING' });
    });
    await readAll(client, 'replica', 'k', 'loaded');
    await readAll(client, 'roundRobin', 'k', 'loaded');
    await reloaded;
    await cluster.command(loading, 'CONFIG', 'SET', 'key-load-delay', '0');
    await cluster.waitUntilStable();
    await client.flushall();
  });

  // R2
  describe('lowestLatency', () => {
    const servers: Server[] = [];
    const delays = new Map<string, number>();
    const doors = new Map<string, NodeAddress>();

    beforeAll(async () => {
      for (const node of cluster.nodes) {
        const server = createServer((client) => {
          const upstream = connect(node.port, node.host);
          client.on('data', (chunk) => upstream.write(chunk));
          upstream.on(
            'data',
            (chunk) => void delay(delays.get(node.name)).then(() => client.writable && client.write(chunk)),
          );
          for (const [socket, peer] of [
            [client, upstream],
            [upstream, client],
          ]) {
            socket.on('error', () => {});
            socket.on('close', () => peer.destroy());
          }
        });
        await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
        servers.push(server);
        doors.set(node.name, { host: '127.0.0.1', port: (server.address() as AddressInfo).port });
      }
    });
    afterAll(() => Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve)))));

    it('reads from the node that answers fastest, and from another one once that changes', async () => {
      const [near, far] = replicas;
      delays.set(primary.name, 40).set(near.name, 0).set(far.name, 80);
      const client = clientOf({
        nodes: [...doors.values()],
        readFrom: 'lowestLatency',
        addressRemap: ({ host, port }) => doors.get(`${host}:${port}`) ?? { host, port },
      });
      await client.set('k', 'v');
      await client.wait(2, 5_000);
      const onlyAsked = async (node: LocalNode): Promise<void> => {
        for (const other of cluster.nodes) await cluster.command(other, 'CONFIG', 'RESETSTAT');
        for (let i = 0; i < 10; i++) expect(await client.get('k')).toBe('v');
        expect(await calls(node, 'get')).toBe(10);
      };
      await eventually(() => onlyAsked(near));
      delays.set(near.name, 120);
      await eventually(() => onlyAsked(primary));
      delays.set(primary.name, 120).set(far.name, 0);
      await eventually(() => onlyAsked(far));
    });
  });

  // R4
  it('skips a dead replica, and fails with NO_REPLICA once all are dead', async () => {
    const client = clientOf();
    await client.connect();
    await replicated(client, 'k', 'alive');
    await cluster.kill(replicas[0]);
    await readAll(client, 'replica', 'k', 'alive');
    const seen = new Set<string>();
    await client
      .with({ readFrom: (nodes) => (nodes.forEach(({ name }) => seen.add(name)), nodes[0]) })
      .get('k');
    expect(seen).toEqual(new Set([primary.name, replicas[1].name]));

    await cluster.kill(replicas[1]);
    for (const readFrom of MODES.filter((mode) => mode !== 'replica'))
      await readAll(client, readFrom, 'k', 'alive', 5);
    const strict = client.with({ readFrom: 'replica' });
    // they are replicas still, and may come back
    await expect(strict.with({ deadlineMs: 150 }).get('k')).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      cause: { code: 'NO_REPLICA' },
    });
    const waiting = strict.get('k');
    await cluster.restart(replicas[0]);
    expect(await waiting).toBe('alive');

    await cluster.kill(replicas[0]);
    for (const replica of replicas) await cluster.command(primary, 'CLUSTER', 'FORGET', replica.id);
    await client.refreshTopology();
    expect(client.topology.replicas).toEqual([]);
    await expect(strict.get('k')).rejects.toMatchObject({
      name: 'TopologyError',
      code: 'NO_REPLICA',
      applied: false,
    });
    expect(await strict.set('k', 'written')).toBe('OK');
    await readAll(client, 'replicaPreferred', 'k', 'written', 3);
  });
});
