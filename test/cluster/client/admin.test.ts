import {
  ClusterClient,
  InvalidArgumentError,
  keySlot,
  type SlotRange,
  UnsupportedServerFeatureError,
} from 'keyslot';
import { LocalCluster, type LocalNode } from 'keyslot/testing';
import { eventually } from '../../cluster-fixture.js';

const NODE_ID = /^[0-9a-f]{40}$/;

describe('a cluster of two shards with a replica each', () => {
  let local: LocalCluster;
  let cluster: ClusterClient;
  let primaries: LocalNode[];
  let replica: LocalNode;

  beforeAll(async () => {
    local = await LocalCluster.start({ primaries: 2 });
    cluster = new ClusterClient({ nodes: local.seeds });
    await cluster.connect();
    primaries = [...local.primaries];
    [replica] = await cluster.admin
      .replicas(primaries[0])
      .then((seen) => local.replicas.filter(({ id }) => id === seen[0].id));
  });

  afterAll(async () => {
    await cluster?.close();
    await local?.stop();
  });

  it('returns its state', async () => {
    const info = await cluster.admin.info();
    expect(info).toMatchObject({
      state: 'ok',
      slotsAssigned: 16_384,
      slotsOk: 16_384,
      slotsPfail: 0,
      slotsFail: 0,
      knownNodes: 4,
      size: 2,
    });
    expect(info.currentEpoch).toBeGreaterThanOrEqual(info.myEpoch);
    expect(Number(info.fields.get('cluster_stats_messages_sent'))).toBeGreaterThan(0);
    // each node has its own view
    const epochs = await Promise.all(primaries.map(async (node) => (await cluster.admin.info(node)).myEpoch));
    expect(new Set(epochs).size).toBe(2);
  });

  it('returns its nodes, as each of them sees them', async () => {
    for (const asked of local.nodes) {
      const nodes = await cluster.admin.nodes(asked);
      expect(nodes.map(({ name }) => name).toSorted()).toEqual(
        local.nodes.map(({ name }) => name).toSorted(),
      );
      expect(nodes.find(({ flags }) => flags.has('myself'))?.id).toBe(asked.id);
    }
    const nodes = await cluster.admin.nodes(primaries[0]);
    expect(nodes.find(({ id }) => id === primaries[1].id)).toMatchObject({
      host: primaries[1].host,
      port: primaries[1].port,
      role: 'primary',
      primaryId: undefined,
      hostname: undefined,
      linkState: 'connected',
      slots: [[8192, 16383]],
      migrating: new Map(),
      importing: new Map(),
    });
    const seen = nodes.find(({ id }) => id === replica.id);
    expect(seen).toMatchObject({ role: 'replica', primaryId: primaries[0].id, slots: [] });
    expect(seen?.busPort).toBeGreaterThan(0);
    expect(Math.abs((seen?.pongReceivedAt ?? 0) - Date.now())).toBeLessThan(60_000);
  });

  it('returns its slots, shards and links', async () => {
    const slots = await cluster.admin.slots();
    expect(slots.map(({ first, last, primary }) => [first, last, primary.id]).toSorted()).toEqual(
      [
        [0, 8191, primaries[0].id],
        [8192, 16383, primaries[1].id],
      ].toSorted(),
    );
    const own = slots.find(({ first }) => first === 0);
    expect(own?.replicas).toEqual([
      { id: replica.id, endpoint: replica.host, port: replica.port, metadata: new Map() },
    ]);

    const shards = await cluster.admin.shards();
    expect(shards.flatMap((shard) => shard.slots).toSorted(([a], [b]) => a - b)).toEqual([
      [0, 8191],
      [8192, 16383],
    ]);
    const nodes = shards.flatMap((shard) => shard.nodes);
    expect(nodes.find(({ id }) => id === replica.id)).toMatchObject({
      role: 'replica',
      ip: replica.host,
      port: replica.port,
      tlsPort: undefined,
      endpoint: replica.host,
      hostname: undefined,
      health: 'online',
    });

    const links = await cluster.admin.links(replica);
    expect(new Set(links.map(({ node }) => node))).toEqual(
      new Set(local.nodes.filter((node) => node !== replica).map(({ id }) => id)),
    );
    expect(new Set(links.map(({ direction }) => direction))).toEqual(new Set(['to', 'from']));
    expect(links[0].createdAt).toBeLessThanOrEqual(Date.now());
    expect(links[0].sendBufferAllocated).toBeGreaterThanOrEqual(links[0].sendBufferUsed);
  });

  it('accepts nodes by id, by name, and as objects, and queries that node', async () => {
    for (const node of local.nodes) {
      const { host, port } = node;
      const inTopology = cluster.topology.node(node.name)!;
      const [inNodes] = (await cluster.admin.nodes()).filter(({ id }) => id === node.id);
      for (const reference of [node, node.id, node.name, { host, port }, inTopology, inNodes]) {
        expect(await cluster.admin.myId(reference)).toBe(node.id);
      }
    }
  });

  it('rejects anything that names no node', async () => {
    for (const stranger of ['127.0.0.1:1', 'f'.repeat(40), { host: '127.0.0.1', port: 1 }]) {
      await expect(cluster.admin.myId(stranger)).rejects.toMatchObject({ code: 'UNKNOWN_NODE' });
    }
    await expect(cluster.admin.myId(undefined as unknown as string)).resolves.toMatch(NODE_ID);
    await expect(cluster.admin.myId(7 as unknown as string)).rejects.toBeInstanceOf(InvalidArgumentError);
    await expect(cluster.admin.countFailureReports('f'.repeat(40))).rejects.toMatchObject({
      message: expect.stringMatching(/^ERR Unknown node/),
    });
    expect(await cluster.admin.countFailureReports(primaries[1], primaries[0])).toBe(0);
  });

  it('returns slots of keys, and keys of slots, wherever they are', async () => {
    const binary = Buffer.from([0, 0xff, 0x7b, 0x7d]);
    for (const key of ['plain', '{tag}x', 'foo{}{bar}', binary]) {
      const slot = await cluster.admin.keySlot(key);
      expect(slot).toBe(keySlot(key));
      await cluster.set(key, 1);
      expect(await cluster.admin.countKeysInSlot(slot)).toBe(1);
      expect(await cluster.admin.getKeysInSlotBuffer(slot, 10)).toEqual([Buffer.from(key)]);
      await cluster.del(key);
      expect(await cluster.admin.getKeysInSlot(slot, 10)).toEqual([]);
    }
    for (const slot of [-1, 16_384, 1.5, NaN]) {
      await expect(cluster.admin.countKeysInSlot(slot)).rejects.toBeInstanceOf(InvalidArgumentError);
    }
  });

  it('finds hot keys, or says that the servers are too old', async () => {
    for (const options of [{ count: 65 }, { durationMs: 0 }, { signal: 1 }, { limit: 1 }])
      await expect(cluster.admin.hotKeys(options as object)).rejects.toBeInstanceOf(InvalidArgumentError);
    const names = ((await cluster.command('LIST')) as string[]).map((name) => name.toLowerCase());
    if (!names.includes('hotkeys|start')) {
      await expect(cluster.admin.hotKeys()).rejects.toBeInstanceOf(UnsupportedServerFeatureError);
      return;
    }
    const abort = new AbortController();
    const reason = new Error('enough');
    const aborted = cluster.admin.hotKeys({ signal: abort.signal });
    abort.abort(reason);
    await expect(aborted).rejects.toBe(reason);
    let isOver = false;
    const load = async (): Promise<void> => {
      while (!isOver)
        await Promise.all(['hot', 'hot', 'hot', 'warm', 'cold'].map((key) => cluster.incr(key)));
    };
    const loads = load();
    try {
      // the servers' CPU time is elapsed time: on a busy machine, one call may seem to take long
      await eventually(async () => {
        const { byCpu, byBytes } = await cluster.admin.hotKeys({ durationMs: 500, count: 2 });
        for (const keys of [byCpu, byBytes]) {
          expect(keys).toHaveLength(2);
          expect(keys[0].key).toBe('hot');
          expect(keys[0].node.id).toBe(cluster.topology.nodeForKey('hot')?.id);
          expect(keys[0].amount).toBeGreaterThan(keys[1].amount);
          expect(keys[0].share).toBeGreaterThan(0);
          expect(keys[0].share).toBeLessThanOrEqual(1);
        }
      });
    } finally {
      isOver = true;
      await loads;
    }
    await cluster.del('hot');
    await cluster.del('warm');
    await cluster.del('cold');
  });

  it('marks a slot as moving, and as stable again', async () => {
    const [from, to] = primaries;
    expect(await cluster.admin.setSlot(to, 5, 'IMPORTING', from.id)).toBe('OK');
    expect(await cluster.admin.setSlot(from, 5, 'MIGRATING', to)).toBe('OK');
    const own = async (node: LocalNode) => (await cluster.admin.nodes(node)).find(({ id }) => id === node.id);
    expect((await own(from))?.migrating).toEqual(new Map([[5, to.id]]));
    expect((await own(to))?.importing).toEqual(new Map([[5, from.id]]));
    for (const node of [from, to]) {
      await cluster.admin.setSlot(node, 5, 'STABLE');
      expect(await own(node)).toMatchObject({ migrating: new Map(), importing: new Map() });
    }
  });

  it('a wrong slot state neither compiles nor runs', async () => {
    const [from, to] = primaries;
    const { admin } = cluster;
    const wrong = [
      // @ts-expect-error -- no such state
      () => admin.setSlot(from, 5, 'LOST', to),
      // @ts-expect-error -- hands it over to whom?
      () => admin.setSlot(from, 5, 'MIGRATING'),
      // @ts-expect-error -- nor to any node
      () => admin.setSlot(from, 5, 'IMPORTING', 7),
      // @ts-expect-error -- one slot at a time
      () => admin.setSlot(from, [5], 'STABLE'),
      () => admin.setSlot(from, 16_384, 'STABLE'),
      () => admin.addSlots(from, []),
      () => admin.addSlotsRange(from, [[9, 8]]),
    ];
    for (const call of wrong) await expect(call()).rejects.toBeInstanceOf(InvalidArgumentError);
    // @ts-expect-error -- a failover has no such mode
    await expect(admin.failover(replica, 'GENTLY')).rejects.toMatchObject({ code: 'ERR' });
  });

  it('saves the configuration of one node, and of all nodes', async () => {
    expect(await cluster.admin.saveConfig(replica.id)).toBe('OK');
    expect(await cluster.admin.saveConfig()).toBe('OK');
  });

  it('fails over to the named replica', async () => {
    const done = (): boolean => cluster.topology.node(replica.name)?.role === 'primary';
    // a node may give a failover up, and has to be asked again; not where it was only late
    await eventually(async () => {
      if (done()) return;
      expect(await cluster.admin.failover(replica)).toBe('OK');
      await eventually(done, { timeoutMs: 5_000 });
    });
    await eventually(async () => {
      const [former] = await cluster.admin.replicas(replica);
      expect(former).toMatchObject({ id: primaries[0].id, role: 'replica', primaryId: replica.id });
    });
    await expect(cluster.admin.failover(replica)).rejects.toMatchObject({ code: 'ERR' });
  });
});

describe('a node that joins and leaves', () => {
  it('goes through meet, addSlots, replicate, forget and reset', async () => {
    await using local = await LocalCluster.start({
      primaries: 1,
      replicasPerPrimary: 0,
      requireFullCoverage: false,
    });
    const [first] = local.nodes;
    const second = await local.addNode();
    const cluster = new ClusterClient({ nodes: [first], requireFullCoverage: false });
    try {
      const slotsOf = async (
        node: LocalNode,
        asked: LocalNode = node,
      ): Promise<readonly SlotRange[] | undefined> =>
        (await cluster.admin.nodes(asked)).find(({ id }) => id === node.id)?.slots;

      // it has no slots, so no topology shows it
      expect(await cluster.admin.myId(second.name)).toBe(second.id);
      expect(cluster.topology.node(second.name)).toBeUndefined();

      // the owner is found; who else believes in it is told as well
      expect(await cluster.admin.delSlots([0, 1, 2, 7])).toEqual([
        { node: cluster.topology.node(first.name), slots: [0, 1, 2, 7], error: null },
      ]);
      expect(await cluster.admin.delSlots([0, 1, 2, 7], second)).toMatchObject([{ error: null }]);
      expect(await cluster.admin.addSlots(second, [7, 1, 0])).toBe('OK');
      expect(await slotsOf(second)).toEqual([
        [0, 1],
        [7, 7],
      ]);
      await expect(cluster.admin.addSlots(second, [7])).rejects.toMatchObject({
        message: `ERR Slot 7 is already busy (CLUSTER ADDSLOTS on ${second.name})`,
      });
      await eventually(() => cluster.topology.nodeForSlot(7)?.id === second.id);

      // each owner for itself, and what nobody owns
      const deleted = await cluster.admin.delSlotsRange([
        [0, 3],
        [7, 7],
      ]);
      expect(
        deleted.map(({ node, slots, error }) => [
          node?.id,
          slots,
          error && (error as { code?: string }).code,
        ]),
      ).toEqual(
        expect.arrayContaining([
          [second.id, [0, 1, 7], null],
          [undefined, [2], 'SLOTS_NOT_COVERED'],
          [first.id, [3], null],
        ]),
      );
      expect(await slotsOf(second)).toEqual([]);
      await cluster.admin.flushSlots(second);
      await cluster.admin.delSlots([0, 1, 7], first);
      expect(
        await cluster.admin.addSlotsRange(first, [
          [0, 3],
          [7, 7],
        ]),
      ).toBe('OK');
      expect(await slotsOf(first)).toEqual([[0, 16383]]);

      await eventually(() => cluster.admin.replicate(second, first));
      await eventually(async () => (await cluster.admin.replicas(first)).some(({ id }) => id === second.id));
      await expect(cluster.admin.forget(first)).rejects.toMatchObject({ code: 'PARTIAL_FAILURE' });

      expect(await cluster.admin.forget(second.id)).toBe('OK');
      expect((await cluster.admin.nodes(first)).map(({ id }) => id)).toEqual([first.id]);
      // it still believes that it belongs to it, until it is told as well; to us it is a stranger as soon as we look again
      expect(await local.command(second, 'CLUSTER', 'RESET')).toBe('OK');
      await eventually(() =>
        expect(cluster.admin.myId(second)).rejects.toMatchObject({ code: 'UNKNOWN_NODE' }),
      );
    } finally {
      await cluster.close();
    }
  });

  it('gets a new id and its own epoch', async () => {
    await using local = await LocalCluster.start({
      primaries: 1,
      replicasPerPrimary: 0,
      requireFullCoverage: false,
    });
    const [node] = local.nodes;
    const cluster = new ClusterClient({ nodes: local.seeds, requireFullCoverage: false });
    try {
      expect(await cluster.admin.reset(node.name, 'HARD')).toBe('OK');
      expect(await cluster.admin.myId(node.name)).not.toBe(node.id);
      expect(await cluster.admin.info()).toMatchObject({ state: 'fail', slotsAssigned: 0, myEpoch: 0 });
      expect(await cluster.admin.setConfigEpoch(node.name, 7)).toBe('OK');
      await cluster.admin.addSlotsRange(node.name, [[0, 16383]]);
      await eventually(async () => (await cluster.admin.info()).state === 'ok');
      expect(await cluster.admin.info()).toMatchObject({ myEpoch: 7, currentEpoch: 7 });
      expect(await cluster.set('k', 'v')).toBe('OK');

      const other = await LocalCluster.start({
        primaries: 1,
        replicasPerPrimary: 0,
        requireFullCoverage: false,
      });
      await using _ = other;
      const [stranger] = other.nodes;
      await expect(cluster.admin.myId(stranger.name)).rejects.toMatchObject({ code: 'UNKNOWN_NODE' });
      expect(await cluster.admin.meet(stranger.host, stranger.port)).toBe('OK');
      await eventually(async () => (await cluster.admin.myId(stranger.name)) === stranger.id);
      await expect(cluster.admin.meet('nowhere.invalid', 1)).rejects.toMatchObject({ code: 'ERR' });
    } finally {
      await cluster.close();
    }
  });
});
