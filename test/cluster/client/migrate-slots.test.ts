import { inspect } from 'node:util';
import {
  type ClusterNode,
  ClusterClient,
  InvalidArgumentError,
  keySlot,
  SlotMigrationError,
  type SlotMigrationProgress,
  UnsupportedServerFeatureError,
} from 'keyslot';
import { LocalCluster, type LocalNode, type SlotMigration } from 'keyslot/testing';
import { eventually } from '../../cluster-fixture.js';

const PASSWORD = 'open-sesame';

describe('slots that move while clients keep working', () => {
  let local: LocalCluster;
  let cluster: ClusterClient;
  /** Whether these servers move slots in one step. */
  let isAtomic: boolean;
  let hasSlotStats: boolean;
  let tags = 0;
  let tag: string;
  let slot: number;
  let from: LocalNode;
  let to: LocalNode;
  let third: LocalNode;

  const newClient = (): ClusterClient =>
    new ClusterClient({ nodes: local.seeds, username: 'app', password: PASSWORD });
  const key = (name: string | number): string => `{${tag}}${name}`;

  beforeAll(async () => {
    local = await LocalCluster.start({
      replicasPerPrimary: 0,
      password: 'another',
      users: { app: `on >${PASSWORD} ~* &* +@all` },
    });
    cluster = newClient();
    const names = ((await cluster.command('LIST')) as string[]).map((name) => name.toLowerCase());
    isAtomic = names.includes('cluster|migration') || names.includes('cluster|migrateslots');
    hasSlotStats = names.includes('cluster|slot-stats');
  });

  afterAll(async () => {
    await cluster?.close();
    await local?.stop();
  });

  beforeEach(async () => {
    tag = `t${tags++}`;
    slot = keySlot(tag);
    from = await local.primaryOfSlot(slot);
    [to, third] = local.primaries.filter((node) => node !== from);
    await cluster.mset(Object.fromEntries(Array.from({ length: 200 }, (_, i) => [key(i), String(i)])));
  });

  /** What is left of migrations, on all nodes. */
  const openSlots = async (): Promise<number[]> => {
    const views = await Promise.all(local.primaries.map((node) => cluster.admin.nodes(node)));
    return views.flat().flatMap(({ migrating, importing }) => [...migrating.keys(), ...importing.keys()]);
  };

  const expectArrived = async (): Promise<void> => {
    expect(await openSlots()).toEqual([]);
    expect(await local.primaryOfSlot(slot)).toBe(to);
    expect(await local.command(from, 'CLUSTER', 'COUNTKEYSINSLOT', slot)).toBe(0);
    const values = await cluster.mget(Array.from({ length: 200 }, (_, i) => key(i)));
    expect(values).toEqual(Array.from({ length: 200 }, (_, i) => String(i)));
  };

  it('loses nothing and fails no call', async () => {
    const binary = Buffer.concat([Buffer.from(`{${tag}}`), Buffer.from([0, 0xff, 0x0a])]);
    const large = 'x'.repeat(5_000_000);
    await cluster.set(binary, 'binary');
    await cluster.set(key('large'), large);
    await cluster.rpush(key('list'), ...Array.from({ length: 5_000 }, (_, i) => i));
    await cluster.set(key('brief'), 'brief', 'PX', 600_000);
    let loaded = true;
    let counted = 0;
    const written: string[] = [];
    const load = async (worker: number): Promise<void> => {
      for (let i = 0; loaded; i++) {
        counted++;
        await Promise.all([cluster.incr(key('n')), cluster.set(key(`${worker}-${i}`), i)]);
        written.push(key(`${worker}-${i}`));
        expect(await cluster.get(key(`${worker}-${i}`))).toBe(String(i));
        await cluster.mget(key(i % 200), key((i + 1) % 200));
      }
    };
    const loads = Promise.all([load(0), load(1), load(2)]);
    const seen: SlotMigrationProgress[] = [];
    // with neighbors, most of them empty
    const first = Math.max(0, slot - 30);
    const around = (await cluster.admin.nodes(from)).find(({ flags }) => flags.has('myself'))!.slots[0];
    const range = [Math.max(first, around[0]), slot] as const;
    try {
      const moved = await cluster.admin.migrateSlots(
        { slots: [range, slot], to: to.id },
        { onProgress: (progress) => seen.push(progress) },
      );
      expect(moved.slots).toEqual([range]);
      expect(moved.keys).toBeGreaterThanOrEqual(204);
      const before = counted;
      await eventually(() => counted > before + 20);
    } finally {
      loaded = false;
    }
    await loads;
    expect(await cluster.get(key('n'))).toBe(String(counted));
    expect(await cluster.exists(...written)).toBe(written.length);
    await cluster.unlink(...written); // one slot with most of the keys could not be balanced below
    expect(await cluster.get(binary)).toBe('binary');
    expect(await cluster.get(key('large'))).toBe(large);
    expect(await cluster.lrange(key('list'), 4_998, -1)).toEqual(['4998', '4999']);
    expect(await cluster.pttl(key('brief'))).toBeGreaterThan(1);
    await expectArrived();
    expect(cluster.topology.nodeForSlot(slot)?.id).toBe(to.id);

    const [start, ...steps] = [{ slots: 0, keys: 0 }, ...seen];
    steps.reduce((last, step) => {
      expect(step.slots + step.keys).toBeGreaterThan(last.slots + last.keys);
      return step;
    }, start as SlotMigrationProgress);
    const size = range[1] - range[0] + 1;
    expect(seen.at(-1)).toMatchObject({ slots: size, totalSlots: size });
    expect(seen.at(-1)?.from.id).toBe(from.id);
    expect(seen.at(-1)?.to.id).toBe(to.id);
    expect(seen.at(-1)?.totalKeys).toBeGreaterThanOrEqual(204);
    expect(seen.length > 1).toBe(!isAtomic);
  });

  it('move back, and stay where they are if they have arrived', async () => {
    const there = await cluster.admin.migrateSlots({ slots: [slot], to });
    expect(there).toEqual({ slots: [[slot, slot]], keys: 200 });
    expect(await cluster.admin.migrateSlots({ slots: new Set([slot]), to })).toEqual({ slots: [], keys: 0 });
    await cluster.admin.migrateSlots({ slots: [slot], to: from });
    expect(await local.primaryOfSlot(slot)).toBe(from);
    expect(await cluster.get(key(199))).toBe('199');
  });

  it('move on after an abort', async () => {
    const abort = new AbortController();
    const reason = new Error('enough');
    // servers that move slots in one step have no other time to end
    if (isAtomic) setImmediate(() => abort.abort(reason));
    const onProgress = (): void => abort.abort(reason);
    const options = { onProgress, signal: abort.signal };
    await expect(cluster.admin.migrateSlots({ slots: [slot], to }, options)).rejects.toBe(reason);
    expect(await openSlots()).toEqual(isAtomic ? [] : [slot, slot]);
    expect(await local.primaryOfSlot(slot)).toBe(from);
    // on servers that move keys one by one, some have arrived; clients see all of them
    expect(await cluster.get(key(0))).toBe('0');
    expect(await cluster.get(key(199))).toBe('199');
    await cluster.admin.migrateSlots({ slots: [slot], to });
    await expectArrived();
    const late = cluster.admin.migrateSlots({ slots: [slot], to: from }, { signal: abort.signal });
    await expect(late).rejects.toBe(reason);
    expect(await local.primaryOfSlot(slot)).toBe(to);
  });

  it('move on after the client has gone', async () => {
    const other = newClient();
    const onProgress = (): void => other.disconnect();
    const cut = other.admin.migrateSlots({ slots: [slot], to }, { onProgress });
    await expect(cut).rejects.toMatchObject({
      name: expect.stringMatching(/^(ClientClosed|OutcomeUnknown)Error$/),
    });
    await other.close();
    await cluster.admin.migrateSlots({ slots: [slot], to });
    await expectArrived();
  });

  it('move through lost connections', async () => {
    let kills = 0;
    const onProgress = async (): Promise<void> => {
      if (++kills > 2) return;
      for (const node of [from, to]) await local.command(node, 'CLIENT', 'KILL', 'USER', 'app');
    };
    await cluster.admin.migrateSlots({ slots: [slot], to }, { onProgress });
    expect(kills).toBeGreaterThan(0);
    await expectArrived();
  });

  it('end with what onProgress throws, and move on', async () => {
    const failure = new Error('no more');
    const onProgress = (): Promise<void> => Promise.reject(failure);
    await expect(cluster.admin.migrateSlots({ slots: [slot], to }, { onProgress })).rejects.toBe(failure);
    await cluster.admin.migrateSlots({ slots: [slot], to });
    await expectArrived();
  });

  it('move on from each state that another tool may have left', async () => {
    await cluster.admin.setSlot(to, slot, 'IMPORTING', from);
    await cluster.admin.migrateSlots({ slots: [slot], to });
    await expectArrived();

    await cluster.admin.migrateSlots({ slots: [slot], to: from });
    const migration = await local.beginSlotMigration(slot, from, to);
    await migration.moveKeys({ limit: 150 });
    await cluster.set(key(3), '3');
    await cluster.admin.migrateSlots({ slots: [slot], to });
    await expectArrived();

    await cluster.admin.migrateSlots({ slots: [slot], to: from });
    const whole = await local.beginSlotMigration(slot, from, to);
    await whole.moveKeys();
    await cluster.admin.setSlot(to, slot, 'NODE', to);
    await cluster.admin.migrateSlots({ slots: [slot], to });
    await expectArrived();
  });

  it('are not taken from another migration', async () => {
    await cluster.admin.setSlot(third, slot, 'IMPORTING', from);
    await cluster.admin.setSlot(from, slot, 'MIGRATING', third);
    const taken = cluster.admin.migrateSlots({ slots: [slot], to });
    await expect(taken).rejects.toBeInstanceOf(SlotMigrationError);
    await expect(taken).rejects.toMatchObject({ code: 'SLOT_IN_MIGRATION', slots: [slot] });
    await cluster.admin.setSlot(from, slot, 'STABLE');
    await expect(cluster.admin.migrateSlots({ slots: [slot], to })).rejects.toMatchObject({
      code: 'SLOT_IN_MIGRATION',
    });
    await cluster.admin.setSlot(third, slot, 'STABLE');
    await cluster.admin.migrateSlots({ slots: [slot], to });
    await expectArrived();
  });

  it('do not count as arrived while their owner hands them over', async () => {
    const migration = await local.beginSlotMigration(slot, from, to);
    await migration.moveKeys({ limit: 50 });
    await expect(cluster.admin.migrateSlots({ slots: [slot], to: from })).rejects.toMatchObject({
      code: 'SLOT_IN_MIGRATION',
      slots: [slot],
    });
    await cluster.admin.migrateSlots({ slots: [slot], to });
    await expectArrived();
  });

  describe('that others move as well', () => {
    const values = Array.from({ length: 200 }, (_, i) => String(i));
    const stored = (): Promise<(string | null)[]> => Promise.all(values.map((_, i) => cluster.get(key(i))));

    /** Lets the keys of a slot move by MIGRATE on all servers. */
    const keyByKey = (moving: number, receiver: LocalNode): Promise<unknown> =>
      cluster.admin.setSlot(receiver, moving, 'IMPORTING', from);

    /** A slot of the same owner without keys, which moves before the other. */
    const emptySlot = async (): Promise<number> => {
      const { slots } = (await cluster.admin.nodes(from)).find(({ flags }) => flags.has('myself'))!;
      for (const [first, last] of slots) {
        for (let empty = first; empty <= last; empty++)
          if (empty !== slot && (await cluster.admin.countKeysInSlot(empty)) === 0) return empty;
      }
      throw new Error('every slot has keys');
    };

    it('stay with a migration that began after this one had been planned', async () => {
      const empty = await emptySlot();
      await Promise.all([keyByKey(slot, to), keyByKey(empty, to)]);
      let other: SlotMigration | undefined;
      const moved = cluster.admin.migrateSlots(
        { slots: [empty, slot], to },
        {
          onProgress: async () => {
            if (other !== undefined) return;
            other = await local.beginSlotMigration(slot, from, third);
            await other.moveKeys({ limit: 50 });
          },
        },
      );
      const outcome = await moved.catch((error: unknown) => error);
      await other!.finish();
      await cluster.admin.setSlot(to, slot, 'STABLE');
      expect(outcome).toMatchObject({ code: 'SLOT_IN_MIGRATION', slots: [slot] });
      expect(await stored()).toEqual(values);
      expect(await openSlots()).toEqual([]);
      expect(await local.primaryOfSlot(slot)).toBe(third);
    });

    it('go to one of two nodes if two migrations begin at once', async () => {
      const client = newClient();
      const wants = [
        { client: cluster, to },
        { client, to: third },
      ];
      // servers that move slots in one step decide themselves
      for (let round = 0; round < 8 && !isAtomic; round++) {
        const outcomes = await Promise.allSettled(
          wants.map((want) => want.client.admin.migrateSlots({ slots: [slot], to: want.to })),
        );
        expect(await stored()).toEqual(values);
        const failures = outcomes.flatMap((one) =>
          one.status === 'rejected' ? [one.reason as unknown] : [],
        );
        for (const failure of failures) expect(failure).toBeInstanceOf(SlotMigrationError);
        await eventually(async () => expect(await openSlots()).toEqual([]));
        await cluster.admin.migrateSlots({ slots: [slot], to: from });
      }
      await client.close();
    });

    it('arrive once if two calls move them to the same node', async () => {
      const client = newClient();
      await keyByKey(slot, to);
      await Promise.all([cluster, client].map(({ admin }) => admin.migrateSlots({ slots: [slot], to })));
      await expectArrived();
      await client.close();
    });

    it('are reported if their owner has lost them meanwhile', async () => {
      const empty = await emptySlot();
      await Promise.all([keyByKey(slot, to), keyByKey(empty, to)]);
      const moved = cluster.admin.migrateSlots(
        { slots: [empty, slot], to },
        { onProgress: () => local.migrateSlots([slot], from, third) },
      );
      await expect(moved).rejects.toMatchObject({ code: 'SLOT_MIGRATION_FAILED', slots: [slot] });
      await cluster.admin.setSlot(to, slot, 'STABLE');
      await cluster.admin.migrateSlots({ slots: [slot], to });
      await expectArrived();
    });
  });

  it('do not show the password if the receiver rejects it', async () => {
    await cluster.admin.setSlot(to, slot, 'IMPORTING', from); // so that the keys move by MIGRATE on all servers
    await local.command(to, 'ACL', 'SETUSER', 'app', 'resetpass', '>changed');
    const error: unknown = await cluster.admin.migrateSlots({ slots: [slot], to }).catch((thrown) => thrown);
    await local.command(to, 'ACL', 'SETUSER', 'app', 'resetpass', `>${PASSWORD}`);
    expect(error).toMatchObject({ name: 'ReplyError', message: expect.stringContaining('WRONGPASS') });
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(PASSWORD);
    await cluster.admin.migrateSlots({ slots: [slot], to });
    await expectArrived();
  });

  it('must be slots, and go to a primary of the cluster', async () => {
    const invalid = [
      { slots: [], to },
      { slots: [16_384], to },
      { slots: [[5, 4]], to },
      { slots: [[4, 5, 6]], to },
      { slots: 'all', to },
      { slots: 7, to },
      { slots: [slot], to: undefined },
      { slots: [slot], to, from },
    ] as unknown as Parameters<typeof cluster.admin.migrateSlots>[0][];
    for (const request of invalid)
      await expect(cluster.admin.migrateSlots(request)).rejects.toBeInstanceOf(InvalidArgumentError);
    for (const options of [
      { onprogress: () => {} },
      { onProgress: 1 },
      { signal: {} },
      { timeoutMs: 0 },
      { timeoutMs: 2 ** 31 },
    ]) {
      await expect(
        cluster.admin.migrateSlots({ slots: [slot], to }, options as object),
      ).rejects.toBeInstanceOf(InvalidArgumentError);
    }
    await expect(cluster.admin.migrateSlots({ slots: [slot], to: 'f'.repeat(40) })).rejects.toMatchObject({
      code: 'UNKNOWN_NODE',
    });
    expect(await local.primaryOfSlot(slot)).toBe(from);
  });

  it('are described by their numbers of keys, or the server is too old', async () => {
    const stats = cluster.admin.slotStats();
    if (!hasSlotStats) {
      await expect(stats).rejects.toBeInstanceOf(UnsupportedServerFeatureError);
      await expect(cluster.admin.rebalance({ by: 'cpuUs', dryRun: true })).rejects.toBeInstanceOf(
        UnsupportedServerFeatureError,
      );
      return;
    }
    const all = await stats;
    expect(all.map((each) => each.slot)).toEqual(Array.from({ length: 16_384 }, (_, i) => i));
    expect(all[slot]).toMatchObject({ slot, keys: 200 });
    expect(all[slot].node.id).toBe(from.id);
  });

  it('are shared with a node that joins, by their keys', async () => {
    for (const options of [{ by: 'luck' }, { dryRun: 1 }, { threshold: 1 }, { dryrun: true }])
      await expect(cluster.admin.rebalance(options as object)).rejects.toBeInstanceOf(InvalidArgumentError);
    const values = Object.fromEntries(Array.from({ length: 2_000 }, (_, i) => [`spread${i}`, String(i)]));
    await cluster.nonAtomic.mset(values);
    const joined = await local.addNode();
    const count = async (node: LocalNode): Promise<number> => Number(await local.command(node, 'DBSIZE'));
    const ownerOf = (node: ClusterNode): LocalNode => local.primaries.find(({ id }) => id === node.id)!;

    const plan = await cluster.admin.rebalance({ dryRun: true });
    expect(await count(joined)).toBe(0);
    expect(plan.moves.every((move) => move.to.id === joined.id || ownerOf(move.to) !== undefined)).toBe(true);
    expect(plan.loads.get(joined.name)?.before).toBe(0);
    const done = await cluster.admin.rebalance();
    expect(done).toEqual(plan);
    for (const node of local.primaries) expect(await count(node)).toBe(done.loads.get(node.name)?.after);
    const sizes = await Promise.all(local.primaries.map(count));
    const average = sizes.reduce((sum, size) => sum + size, 0) / sizes.length;
    for (const size of sizes) expect(Math.abs(size - average) / average).toBeLessThanOrEqual(0.05);
    expect(await cluster.nonAtomic.mget(Object.keys(values))).toEqual(Object.values(values));
    expect((await cluster.admin.rebalance()).moves).toEqual([]);
  });
});
