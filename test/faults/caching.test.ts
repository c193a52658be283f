import { ClusterClient, keySlot } from 'keyslot';
import { LocalCluster, type LocalNode } from 'keyslot/testing';
import { eventually } from '../cluster-fixture.js';
import { KeyHistory } from './caching/cache-checker.js';
import { CacheWorkload } from './caching/cache-workload.js';
import { PausingRelays } from './caching/pausing-relays.js';
import { BusPartition } from './harness/bus-partition.js';

/** How many reads each fault gets. The suite makes few; see docs/contributing.md for more. */
const BY_HAND = process.env.KEYSLOT_CACHE_READS !== undefined;
const READS = Number(process.env.KEYSLOT_CACHE_READS ?? 1_000);
/** The bound that is checked. A machine with much else to do does not renew leases in 300 ms. */
const STALE_MS = Number(process.env.KEYSLOT_CACHE_STALE_MS ?? 300);
const LIMIT_MS = 120_000 + 5 * READS;

test('the checker finds a reply that is too old, and accepts one that is not', () => {
  const history = new KeyHistory('k');
  const first = history.begin(false);
  history.confirm(first, 100);
  const second = history.begin(false);
  history.confirm(second, 200);
  const gone = history.begin(true);
  expect(history.check('1', 299, 100)).toBeUndefined();
  expect(history.check('1', 301, 100)).toEqual({ key: 'k', got: '1', atLeast: 2, staleMs: 101 });
  // the deletion is under way
  expect(history.check(null, 400, 100)).toBeUndefined();
  history.confirm(gone, 400);
  expect(history.check('2', 600, 100)).toMatchObject({ atLeast: 3 });
  expect(new KeyHistory('other').check(null, 600, 100)).toBeUndefined();
});

const MODES: [string, { prefixes?: string[] }][] = [
  ['tracks what was read', {}],
  ['reports all changes of a prefix', { prefixes: ['checked:', 'own:'] }],
];

// short, both would find the same
describe.each(BY_HAND ? MODES : MODES.slice(0, 1))('a cache whose server %s', (_name, options) => {
  let cluster: LocalCluster;
  let workload: CacheWorkload;
  let relays: PausingRelays;
  const tags = Array.from({ length: 24 }, (_, i) => `t${i}`);

  beforeAll(async () => {
    cluster = await LocalCluster.start({ primaries: 3, replicasPerPrimary: 1, nodeTimeoutMs: 700 });
    relays = await PausingRelays.start(cluster.seeds);
    workload = new CacheWorkload(
      cluster.seeds,
      relays.options,
      { maxBytes: 2 ** 20, maxStaleMs: STALE_MS, ...options },
      tags,
    );
    await workload.start();
  }, LIMIT_MS);

  afterAll(async () => {
    await workload?.stop();
    await relays?.stop();
    await cluster?.stop();
  }, LIMIT_MS);

  /** Does something again and again until there were enough reads, and checks them. */
  async function under(fault: () => Promise<void>, times = 1): Promise<void> {
    const { reads } = workload;
    for (let time = 0; time < times || workload.reads - reads < READS; time++) await fault();
    if (BY_HAND) {
      const { currentTestName } = expect.getState();
      process.stdout.write(
        `${currentTestName}: ${workload.reads - reads} reads (all: ${workload.summary})\n`,
      );
    }
    expect(workload.violations.slice(0, 3)).toEqual([]);
  }

  const primaryOf = (tag: string): Promise<LocalNode> => cluster.primaryOfSlot(keySlot(tag));
  /** The slots of tags whose primary a node is now. */
  async function slotsOf(node: LocalNode): Promise<(slot: number) => boolean> {
    const owners = await Promise.all(tags.map(async (tag) => [keySlot(tag), await primaryOf(tag)] as const));
    const slots = new Set(owners.filter(([, owner]) => owner === node).map(([slot]) => slot));
    return (slot) => slots.has(slot);
  }

  /** The replica of the primary of a tag. */
  async function replicaOf(tag: string): Promise<LocalNode> {
    const primary = await primaryOf(tag);
    for (const node of cluster.replicas) if ((await node.view()).myself.primaryId === primary.id) return node;
    throw new Error(`${primary.name} has no replica`);
  }

  test(
    'answers from memory while nothing happens',
    async () => {
      const { hits } = workload.reader.cache.stats();
      await under(() => workload.pause(100));
      expect(workload.reader.cache.stats().hits).toBeGreaterThan(hits);
    },
    LIMIT_MS,
  );

  test(
    'keeps its word while connections are killed',
    async () => {
      await under(async () => {
        await Promise.all(
          cluster.primaries.map((node) => cluster.command(node, 'CLIENT', 'KILL', 'TYPE', 'normal')),
        );
        await workload.pause(STALE_MS / 6);
      });
    },
    LIMIT_MS,
  );

  test(
    'keeps its word while a node cannot be heard, and is heard again',
    async () => {
      await under(async () => {
        const relay = relays.before(await primaryOf(tags[Math.floor(Math.random() * tags.length)]));
        relay?.hold();
        await workload.pause((1.3 + 2 * Math.random()) * STALE_MS);
        relay?.release();
        await workload.pause(Math.random() * 300);
      }, 3);
    },
    LIMIT_MS,
  );

  test(
    'keeps its word while slots move away and back',
    async () => {
      const moving = tags.slice(0, 4).map((tag) => keySlot(tag));
      let turn = 0;
      await under(async () => {
        const slot = moving[turn++ % moving.length];
        const from = await cluster.primaryOfSlot(slot);
        const to = cluster.primaries.find((node) => node !== from) as LocalNode;
        const migration = await cluster.beginSlotMigration(slot, from, to);
        // keys that are created now are created at the new owner
        await workload.pause(STALE_MS + 100);
        await migration.finish();
        await cluster.waitUntilStable();
      });
    },
    LIMIT_MS,
  );

  test(
    'keeps its word while slots move with their keys, in one step where the server can',
    async () => {
      const slots = tags.slice(4, 8).map((tag) => keySlot(tag));
      const mover = new ClusterClient({ nodes: cluster.seeds });
      try {
        await mover.connect();
        let turn = 0;
        await under(async () => {
          const { primaries } = mover.topology;
          await mover.admin.migrateSlots({ slots, to: primaries[turn++ % primaries.length] });
          await workload.pause(50);
        }, 3);
      } finally {
        await mover.close();
      }
      await cluster.waitUntilStable();
    },
    LIMIT_MS,
  );

  test(
    'keeps its word while primaries change by hand',
    async () => {
      await under(async () => {
        await cluster.failover(await replicaOf(tags[0]));
        await cluster.waitUntilStable();
      });
    },
    LIMIT_MS,
  );

  test(
    'keeps its word while a primary is frozen, replaced, and thawed',
    async () => {
      await under(async () => {
        const victim = await primaryOf(tags[0]);
        const slots = await slotsOf(victim);
        await workload.hold(slots);
        await cluster.freeze(victim);
        workload.release();
        await eventually(async () => (await primaryOf(tags[0])) !== victim);
        // a write that waits in the frozen node would be confirmed, and lost, when it wakes up
        await workload.written(slots);
        await cluster.thaw(victim);
        await workload.pause(300);
        await cluster.waitUntilStable();
      });
    },
    LIMIT_MS,
  );

  // the nodes take long to hear each other again: npm test has replaced-primary.test.ts for it
  const testByHand = BY_HAND ? test : () => {};
  testByHand(
    'keeps its word while a primary is cut off from the other nodes but not from clients, and replaced',
    async () => {
      const partition = await BusPartition.install(cluster);
      try {
        await under(async () => {
          const victim = await primaryOf(tags[0]);
          const slots = await slotsOf(victim);
          // what the victim confirms from now on is lost
          await workload.hold(slots);
          await partition.isolate(victim);
          await eventually(async () => (await primaryOf(tags[0])) !== victim);
          workload.release();
          await workload.written(slots);
          await workload.pause(STALE_MS);
          await partition.heal();
          await cluster.waitUntilStable({ timeoutMs: LIMIT_MS });
        });
      } finally {
        await partition.remove();
      }
    },
    LIMIT_MS,
  );

  test(
    'keeps its word while a primary is killed and comes back',
    async () => {
      await under(async () => {
        const victim = await primaryOf(tags[0]);
        await workload.hold(await slotsOf(victim));
        await cluster.kill(victim);
        workload.release();
        await eventually(async () => (await primaryOf(tags[0])) !== victim);
        await cluster.restart(victim);
        await cluster.waitUntilStable();
      });
    },
    LIMIT_MS,
  );
});
