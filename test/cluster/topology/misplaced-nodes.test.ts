import dns from 'node:dns';
import { join } from 'node:path';
import { checkClusterHealth } from 'keyslot/health';
import { ClusterClient, keySlot, TopologyError, type ClusterClientOptions, type LogEntry } from 'keyslot';
import { LocalCluster, type LocalNode } from 'keyslot/testing';
import { eventually } from '../../cluster-fixture.js';
import { snippetFolder, snippetsOf, writeSnippets } from '../../docs-snippets.js';
import { Relays } from '../../fake-node.js';

type SlotsEntry = [first: number, last: number, ...nodes: [endpoint: string | null, port: number][]];

const QUICK = { startupTimeoutMs: 1_000, connectTimeoutMs: 500 };
/** Nobody listens there. */
const NOBODY = '127.0.0.77';

const folder = snippetFolder();

/** The addresses that nodes of a cluster announce, while the servers stay where they are. */
describe('nodes that announce addresses which do not lead to them', () => {
  let cluster: LocalCluster;
  let other: LocalCluster;
  const clients: ClusterClient[] = [];
  const stops: (() => unknown)[] = [];

  beforeAll(async () => {
    [cluster, other] = await Promise.all([
      LocalCluster.start({ config: { 'cluster-preferred-endpoint-type': 'hostname' } }),
      LocalCluster.start({ primaries: 1, replicasPerPrimary: 0 }),
    ]);
  });
  afterAll(() => Promise.all([cluster?.stop(), other?.stop()]));
  afterEach(async () => {
    clients.splice(0).forEach((client) => client.disconnect());
    await Promise.all(stops.splice(0).map((stop) => stop()));
  });

  /** Has nodes announce hosts and ports, and waits until each of them reports all of that. */
  async function announce(addressOf: (node: LocalNode) => { host: string; port?: number }): Promise<void> {
    for (const node of cluster.nodes) {
      const { host, port = 0 } = addressOf(node);
      await cluster.command(node, 'CONFIG', 'SET', 'cluster-announce-hostname', host);
      await cluster.command(node, 'CONFIG', 'SET', 'cluster-announce-port', port);
    }
    const expected = cluster.nodes
      .map((node) => ({ port: node.port, ...addressOf(node) }))
      .map(({ host, port }) => `${host || '?'}:${port}`)
      .toSorted();
    await eventually(async () => {
      const replies = await Promise.all(
        cluster.nodes.map((node) => cluster.command(node, 'CLUSTER', 'SLOTS')),
      );
      for (const reply of replies as SlotsEntry[][]) {
        const seen = reply.flatMap(([, , ...nodes]) => nodes.map(([host, port]) => `${host}:${port}`));
        expect(seen.toSorted()).toEqual(expected);
      }
    });
  }

  const clientOf = (options: ClusterClientOptions = {}): ClusterClient => {
    const client = new ClusterClient({ nodes: cluster.seeds, ...options });
    clients.push(client);
    return client;
  };
  const failureOf = async (options: ClusterClientOptions = {}): Promise<TopologyError> => {
    const error: unknown = await clientOf({ ...QUICK, ...options })
      .connect()
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(TopologyError);
    return error as TopologyError;
  };
  const idOf = async (node: LocalNode): Promise<string> =>
    String(await cluster.command(node, 'CLUSTER', 'MYID')).slice(0, 8);
  /** The option in the example of an error, as somebody would paste it. */
  const exampleIn = ({ message }: Error): ClusterClientOptions => {
    const [, code] = /Example: (addressRemap: .+?)\. Or make the nodes/.exec(message) ?? [];
    return new Function(`return { ${code} }`)() as ClusterClientOptions;
  };
  /** Uses every primary. */
  const useAll = async (client: ClusterClient): Promise<void> => {
    await client.connect();
    for (let i = 0; i < 20; i++) expect(await client.set(`k${i}`, i)).toBe('OK');
    expect(client.topology.primaries).toHaveLength(3);
  };
  const keyOf = async (node: LocalNode): Promise<string> => {
    for (let i = 0; ; i++) if ((await cluster.primaryOfSlot(keySlot(`k${i}`))) === node) return `k${i}`;
  };

  it.each<[string, string, string]>([
    ['names that cannot be resolved', 'redis.invalid', 'the name cannot be resolved, '],
    ['addresses where nobody listens', NOBODY, 'nothing listens there, ECONNREFUSED'],
  ])('%s: each is named with its node, and the example works', async (_, host, reason) => {
    await announce(() => ({ host }));
    const error = await failureOf({ nodes: [cluster.seeds[0]] });
    expect(error).toMatchObject({ code: 'ANNOUNCED_UNREACHABLE', retryable: true, applied: false });
    for (const node of cluster.primaries)
      expect(error.message).toContain(`node ${await idOf(node)} announces ${host}:${node.port} (${reason}`);
    expect(error.message).toContain(`according to 127.0.0.1:${cluster.seeds[0].port}`);
    expect(error.message).toMatch(/cluster-announce-ip, cluster-announce-hostname, cluster-announce-port/);
    await useAll(clientOf({ nodes: [cluster.seeds[0]], ...exampleIn(error) }));
  });

  it('names behind forwarded ports: the example has the ports of the given nodes', async () => {
    const relays = await Relays.start(cluster.nodes);
    stops.push(() => relays.stop());
    await announce((node) => ({ host: `redis-${node.port}.invalid`, port: 6379 }));
    const { nodes } = relays.options;
    const error = await failureOf({ nodes });
    expect(error.code).toBe('ANNOUNCED_UNREACHABLE');
    await useAll(clientOf({ nodes, ...exampleIn(error) }));
  });

  it('names behind forwarded ports: the example of docs/client-options.md', async () => {
    const [program] = snippetsOf('docs/client-options.md').filter(({ file }) => file === 'behind-nat.ts');
    const relays = await Relays.start(cluster.nodes);
    stops.push(() => relays.stop());
    await announce((node) => ({
      host: `redis-${cluster.primaries.indexOf(node) + 1 || node.port}`,
      port: 6379,
    }));
    let { code } = program;
    cluster.primaries.forEach((node, i) => {
      code = code.replace(`port: ${7001 + i}`, `port: ${relays.before(node)?.port}`);
    });
    writeSnippets([{ ...program, code }], folder);
    const { cluster: client } = (await import(join(folder, 'behind-nat.ts'))) as { cluster: ClusterClient };
    clients.push(client);
    await useAll(client);
  });

  it('an addressRemap that does not fit is named with what it returned', async () => {
    await announce(() => ({ host: 'redis.invalid' }));
    const error = await failureOf({ addressRemap: ({ port }) => ({ host: NOBODY, port }) });
    expect(error.code).toBe('ANNOUNCED_UNREACHABLE');
    expect(error.message).toMatch(
      /announces redis\.invalid:(\d+), which addressRemap maps to 127\.0\.0\.77:\1 \(nothing listens there/,
    );
    expect(error.message).toContain('Correct the function addressRemap');
  });

  it('addresses of another cluster: nothing is written there', async () => {
    const [stranger] = other.nodes;
    await announce(() => ({ host: '127.0.0.1', port: stranger.port }));
    for (const requireFullCoverage of [true, false]) {
      const error = await failureOf({ requireFullCoverage });
      expect(error.code).toBe('ANNOUNCED_UNREACHABLE');
      const id = String(await other.command(stranger, 'CLUSTER', 'MYID'));
      expect(error.message).toContain(`announces 127.0.0.1:${stranger.port} (node ${id} replies there)`);
    }
  });

  it('one primary: a strict client rejects and names it, another goes on and reports it once', async () => {
    const [lost, ...found] = cluster.primaries;
    await announce((node) => ({ host: node === lost ? NOBODY : '127.0.0.1' }));
    const address = `${NOBODY}:${lost.port}`;
    const error = await failureOf();
    expect(error).toMatchObject({
      code: 'ANNOUNCED_UNREACHABLE',
      message: expect.stringContaining(`node ${await idOf(lost)} announces ${address} (nothing listens`),
    });
    for (const node of found) expect(error.message).not.toContain(`127.0.0.1:${node.port} (`);
    await useAll(clientOf(exampleIn(error)));

    const log: LogEntry[] = [];
    const client = clientOf({
      requireFullCoverage: false,
      logging: ['topology'],
      logger: (entry) => void log.push(entry),
    });
    const reported: [Error, string][] = [];
    client.on('error', (reason: Error, node: string) => {
      if ((reason as TopologyError).code === 'ANNOUNCED_UNREACHABLE') reported.push([reason, node]);
    });
    await client.connect();
    expect(await client.set(await keyOf(found[0]), 'v')).toBe('OK');
    await eventually(() => expect(reported).toHaveLength(1));
    const [[{ message }, name]] = reported;
    expect(message).toContain(`node ${await idOf(lost)} announces ${address} (nothing listens`);
    expect(name).toBe(address);
    expect(log.filter(({ level }) => level === 'warn')).toEqual([
      expect.objectContaining({
        kind: 'topology',
        message,
        fields: { node: address, errorCode: 'ANNOUNCED_UNREACHABLE' },
      }),
    ]);
    const health = await checkClusterHealth(client, { timeoutMs: 500 });
    expect(health.primaries).toEqual({ total: 3, answering: 2 });
    expect(health.problems.join()).toMatch(new RegExp(`${address} .*ECONNREFUSED`));
    // and it stays once
    await client.refreshTopology();
    await client.refreshTopology();
    expect(reported).toHaveLength(1);
  });

  it('one primary, at a node of another cluster: nothing is sent there', async () => {
    const [lost, found] = cluster.primaries;
    const [stranger] = other.nodes;
    await announce((node) => ({ host: '127.0.0.1', ...(node === lost && { port: stranger.port }) }));
    const client = clientOf({ requireFullCoverage: false, deadlineMs: 1_000 });
    const reported: Error[] = [];
    client.on('error', (reason: Error) => {
      if ((reason as TopologyError).code === 'ANNOUNCED_UNREACHABLE') reported.push(reason);
    });
    const call = client.set(await keyOf(lost), 'v');
    await expect(call).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED', cause: { code: 'WRONG_NODE' } });
    expect(await client.set(await keyOf(found), 'v')).toBe('OK');
    await eventually(() => expect(reported).toHaveLength(1));
    expect(reported[0].message).toMatch(/node \w+ announces 127\.0\.0\.1:\d+ \(node \w+ replies there\)/);
    expect(await other.command(stranger, 'DBSIZE')).toBe(0);
  });

  it('one replica: it is reported once, when reads go there', async () => {
    const [lost] = cluster.replicas;
    await announce((node) => ({ host: node === lost ? NOBODY : '127.0.0.1' }));
    const client = clientOf({ readFrom: 'replicaPreferred' });
    const reported: Error[] = [];
    client.on('error', (reason: Error) => {
      if ((reason as TopologyError).code === 'ANNOUNCED_UNREACHABLE') reported.push(reason);
    });
    await useAll(client);
    await eventually(async () => {
      for (let i = 0; i < 20; i++) expect(await client.get(`k${i}`)).toBe(String(i));
      expect(reported).toHaveLength(1);
    });
    expect(reported[0].message).toContain(`node ${await idOf(lost)} announces ${NOBODY}:${lost.port} (`);
  });

  it('a host name with two addresses is used at the one that answers; if none does, both are named', async () => {
    const { lookup } = dns;
    let addresses = [NOBODY, '127.0.0.1'];
    // where sockets look names up
    dns.lookup = ((...args: Parameters<typeof lookup>) => {
      if (args[0] !== 'two.test') return Reflect.apply(lookup, dns, args);
      const answer = args.at(-1) as unknown as (error: null, found: dns.LookupAddress[]) => void;
      process.nextTick(() =>
        answer(
          null,
          addresses.map((address) => ({ address, family: 4 })),
        ),
      );
    }) as typeof lookup;
    stops.push(() => (dns.lookup = lookup));
    await announce(() => ({ host: 'two.test' }));
    await useAll(clientOf());
    addresses = [NOBODY, '127.0.0.78'];
    const error = await failureOf();
    expect(error.code).toBe('ANNOUNCED_UNREACHABLE');
    expect(error.message).toMatch(/two\.test:(\d+) \(.*ECONNREFUSED 127\.0\.0\.77:\1, .*127\.0\.0\.78:\1\)/);
  });

  it('no host ("?"): the error names the node and the settings', async () => {
    const [nameless] = cluster.primaries;
    await announce((node) => ({ host: node === nameless ? '' : '127.0.0.1' }));
    const error = await failureOf();
    expect(error.code).toBe('ANNOUNCED_UNREACHABLE');
    expect(error.message).toContain(`node ${await idOf(nameless)} announces ?:${nameless.port} (`);
    expect(error.message).toMatch(/Set cluster-announce-hostname .* or cluster-preferred-endpoint-type ip/);
    await announce(() => ({ host: '' }));
    expect((await failureOf()).code).toBe('ANNOUNCED_UNREACHABLE');
  });

  it('a dead primary is not among them', async () => {
    const [dead] = cluster.primaries;
    await announce(() => ({ host: '127.0.0.1' }));
    const survivors = cluster.nodes.filter((node) => node !== dead);
    // on a busy machine, its replica takes over before the client has given up
    const mayFailOver = (may: boolean): Promise<unknown> =>
      Promise.all(
        survivors.map((node) =>
          cluster.command(node, 'CONFIG', 'SET', 'cluster-replica-no-failover', may ? 'no' : 'yes'),
        ),
      );
    await mayFailOver(false);
    await cluster.kill(dead);
    const error = await failureOf({ nodes: survivors, connectTimeoutMs: 300 });
    expect(error.code).toMatch(/NO_NODE_REACHABLE|SLOTS_NOT_COVERED/);
    await mayFailOver(true);
    await cluster.restart(dead);
    await cluster.waitUntilStable();
  });
});
