import { ClusterClient, keySlot, type NodeAddress } from 'keyslot';
import type { LocalCluster } from 'keyslot/testing';
import { breakableCluster } from '../../breakable-cluster.js';
import { eventually } from '../../cluster-fixture.js';
import { Relays } from '../../fake-node.js';

// T16: as behind NAT, the addresses that nodes announce are not those at which they are reached
describe('addressRemap', () => {
  const NAME = 'behind-nat';
  let cluster: LocalCluster;
  let relays: Relays;
  let client: ClusterClient;
  const remapped: NodeAddress[] = [];

  breakableCluster({}, async (whole) => {
    cluster = whole;
    relays = await Relays.start(cluster.nodes);
    const { nodes, addressRemap } = relays.options;
    client = new ClusterClient({
      nodes: [nodes[0]],
      clientName: NAME,
      addressRemap: (address) => {
        remapped.push(address);
        return addressRemap(address);
      },
    });
    await client.connect();
    return async () => {
      client.disconnect();
      await relays.stop();
    };
  });

  beforeEach(() => {
    relays.forget();
    remapped.length = 0;
  });

  // the servers' own account of who is connected: a connection past the relays would be one too many
  afterEach(() =>
    eventually(async () => {
      const lists = await Promise.all(cluster.nodes.map((node) => cluster.command(node, 'CLIENT', 'LIST')));
      const ours = lists
        .flatMap((list) => String(list).split('\n'))
        .filter((line) => new RegExp(`name=(leased:)?${NAME}`).test(line));
      const relayed = relays.all.reduce((sum, relay) => sum + relay.open / 2, 0);
      expect(ours.length).toBeGreaterThan(0);
      expect(ours).toHaveLength(relayed);
    }),
  );

  const owned = async (): Promise<string> => {
    const node = cluster.primaries[0];
    for (let i = 0; ; i++) if ((await cluster.primaryOfSlot(keySlot(`k${i}`))) === node) return `k${i}`;
  };

  it('maps the addresses of CLUSTER SLOTS to those of the topology', async () => {
    const reachable = relays.all.map(({ name }) => name).toSorted();
    // views leave out a replica that has had nothing from its primary yet
    await eventually(async () =>
      expect((await client.refreshTopology()).nodes.map(({ name }) => name).toSorted()).toEqual(reachable),
    );
    expect(remapped).toContainEqual({ host: cluster.nodes[1].host, port: cluster.nodes[1].port });
    const key = await owned();
    await client.set(key, 'v');
    expect(await client.get(key)).toBe('v');
    expect(relays.seen('set', 'get')).toHaveLength(2);
  });

  it('maps the targets of ASK and MOVED too', async () => {
    const key = await owned();
    const slot = keySlot(key);
    await client.set(key, 'v');
    const [from, to] = cluster.primaries;
    const target = relays.before(to);
    const migration = await cluster.beginSlotMigration(slot, from, to);
    await migration.moveKeys();
    expect(await client.get(key)).toBe('v');
    expect(target?.seen('asking')).toHaveLength(1);
    expect(target?.seen('get')).toHaveLength(1);
    await migration.finish();
    relays.forget();
    expect(await client.get(key)).toBe('v');
    expect(target?.seen('get')).toHaveLength(1);
    expect(client.topology.nodeForSlot(slot)?.name).toBe(target?.name);
    expect(remapped).toContainEqual({ host: to.host, port: to.port });
    await cluster.migrateSlots([slot], to, from);
  });

  it('applies to replicas, leased connections, transactions and pub/sub', async () => {
    const key = await owned();
    await client.set(key, 'v');
    await eventually(async () => (await client.with({ readFrom: 'replica' }).get(key)) === 'v');
    expect(await client.blpop(`${key}{${key}}`, 0.01)).toBeNull();
    expect(await client.transaction([key], async (tx) => tx.multi().get(key))).toEqual([[null, 'v']]);
    const heard: unknown[] = [];
    const subscription = client.pubsub.channel('news').subscribe(({ payload }) => heard.push(payload));
    await eventually(async () => {
      await client.pubsub.publish('news', 'hello');
      return heard.includes('hello');
    });
    expect(relays.seen('subscribe').length).toBeGreaterThan(0);
    subscription.unsubscribe();
  });

  it('applies to redirected blocking commands', async () => {
    const key = await owned();
    const list = `${key}{${key}}`;
    await client.rpush(list, 'a', 'b');
    const [from, to] = cluster.primaries;
    const migration = await cluster.beginSlotMigration(keySlot(list), from, to);
    await migration.moveKeys();
    expect(await client.blpop(list, 1)).toEqual([list, 'a']);
    await migration.finish();
    expect(await client.blpop(list, 1)).toEqual([list, 'b']);
    await cluster.migrateSlots([keySlot(list)], to, from);
  });

  it('that throws, or returns garbage, affects only its own client', async () => {
    const [seed] = relays.options.nodes;
    const options = { nodes: [seed], startupTimeoutMs: 300 };
    const failing = new ClusterClient({
      ...options,
      addressRemap: () => {
        throw new Error('from the function');
      },
    });
    await expect(failing.connect()).rejects.toMatchObject({
      code: 'NO_NODE_REACHABLE',
      message: expect.stringContaining('from the function'),
    });
    const nonsense = new ClusterClient({
      ...options,
      addressRemap: () => undefined as unknown as NodeAddress,
    });
    await expect(nonsense.connect()).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(/addressRemap must return { host, port } for \S+, got undefined/),
    });
    failing.disconnect();
    nonsense.disconnect();
    expect(await client.set(await owned(), 'v')).toBe('OK');
  });

  it('that throws later, for a redirect, fails only that call', async () => {
    let broken = false;
    const fragile = new ClusterClient({
      nodes: relays.options.nodes,
      addressRemap: (address) => {
        if (broken) throw new Error('from the function');
        return relays.options.addressRemap(address);
      },
    });
    await fragile.connect();
    const key = await owned();
    const [from, to] = cluster.primaries;
    await fragile.set(key, 'v');
    broken = true;
    await cluster.migrateSlots([keySlot(key)], from, to);
    await expect(fragile.get(key)).rejects.toThrow('from the function');
    expect(await fragile.ping()).toBe('PONG');
    broken = false;
    expect(await fragile.get(key)).toBe('v');
    fragile.disconnect();
    await cluster.migrateSlots([keySlot(key)], to, from);
  });
});
