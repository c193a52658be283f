import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { ClusterClient, type EntityRegistry } from 'keyslot';
import { LocalCluster, type LocalNode } from 'keyslot/testing';
import { KeyslotSession } from './clients/keyslot.js';
import { Halls, seatsOf } from './histories/halls.js';
import { together, type HistoryFigures } from './histories/verdicts.js';
import { WatchedRegisters } from './histories/watched-registers.js';
import { Load } from './load.js';
import { Shards } from './shards.js';
import { readTruth } from './truth.js';

const USAGE = 'npm run soak -- [--minutes 30] [--faults 200] [--seed N]';

/** Numbers that look random and are the same for the same seed: mulberry32. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Baseline {
  readonly heapMiB: number;
  readonly handles: number;
}

function measure(): Baseline {
  globalThis.gc?.();
  globalThis.gc?.();
  const sockets = process.getActiveResourcesInfo().filter((name) => name.startsWith('TCP'));
  return { heapMiB: process.memoryUsage().heapUsed / 2 ** 20, handles: sockets.length };
}

/** What servers lose when a primary dies, or starts again empty before a replica has taken over; nothing else does. */
const LOSING: ReadonlySet<string> = new Set(['kill', 'freeze']);

type Fault = (cluster: LocalCluster, pick: <T>(items: readonly T[]) => T) => Promise<void>;

/** What may be done to a stable cluster; each leaves it whole, or so that it becomes whole by itself. */
const FAULTS: Readonly<Record<string, Fault>> = {
  kill: async (cluster, pick) => {
    const node = pick(cluster.nodes);
    await cluster.kill(node);
    await delay(pick([100, 1_000, 4_000]));
    await cluster.restart(node);
  },
  freeze: async (cluster, pick) => {
    const node = pick(cluster.nodes);
    await cluster.freeze(node);
    await delay(pick([300, 1_500, 4_000]));
    await cluster.thaw(node);
  },
  failover: async (cluster, pick) => {
    await cluster.failover(pick(cluster.replicas));
  },
  move: async (cluster, pick) => {
    const slot = Math.floor(pick(Array.from({ length: 500 }, (_, i) => i * 32)));
    const owner = await cluster.primaryOfSlot(slot);
    const other = pick(cluster.primaries.filter((node: LocalNode) => node !== owner));
    await cluster.migrateSlots([slot], owner, other);
    await cluster.migrateSlots([slot], other, owner);
  },
  cut: async (cluster, pick) => {
    await cluster.command(pick(cluster.nodes), 'CLIENT', 'KILL', 'TYPE', pick(['normal', 'pubsub']));
  },
};

/** Random faults for a long time: memory and sockets have to be back where they were. */
export async function run(args: readonly string[], signal: AbortSignal): Promise<boolean> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: { type: 'string', default: '30' },
      faults: { type: 'string', default: '200' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return true;
  }
  const [minutes, count, seed] = [values.minutes, values.faults, values.seed].map(Number);
  const random = randomFrom(seed);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)];
  console.log(`${count} faults in ${minutes} minutes, --seed ${seed}`);
  const rejections: unknown[] = [];
  process.on('unhandledRejection', (reason) => rejections.push(reason));
  const cluster = await LocalCluster.start({ requireFullCoverage: false, signal });
  const session = await KeyslotSession.open({ nodes: cluster.seeds });
  const stopUse = use(session.client);
  const totals: Totals = { calls: 0, lost: 0, lostOtherwise: 0, twice: 0, untruthful: 0, disordered: 0 };
  const seats = seatsOf(session.client);
  const errors = new Map<string, number>();
  try {
    let { history } = await round(cluster, session, seats, async () => {}, false, totals, errors);
    const before = measure();
    const spacing = (minutes * 60_000) / count;
    for (let i = 0; i < count; i++) {
      signal.throwIfAborted();
      const startedAt = performance.now();
      const name = pick(Object.keys(FAULTS));
      const isLosing = LOSING.has(name);
      const fault = (): Promise<void> => FAULTS[name](cluster, pick);
      const found = await round(cluster, session, seats, fault, isLosing, totals, errors);
      if (!isLosing) totals.lostOtherwise += found.lost;
      for (const text of found.history.unexplained) console.log(`after ${name}, unexplained: ${text}`);
      history = together(history, found.history);
      if (i % 10 === 9) {
        const { heapMiB, handles } = measure();
        console.log(`${i + 1} faults: heap ${heapMiB.toFixed(1)} MiB, ${handles} sockets`);
      }
      await delay(Math.max(0, spacing - (performance.now() - startedAt)));
    }
    const last = await round(cluster, session, seats, async () => {}, false, totals, errors);
    history = together(history, last.history);
    const after = measure();
    const failures = [...errors].map(([code, number]) => `${number} ${code}`).join(', ') || 'none';
    console.log(`calls ${totals.calls}, errors: ${failures}`);
    console.log(
      `executed twice ${totals.twice}, untruthful ${totals.untruthful}, out of order ${totals.disordered}, ` +
        `answered and lost ${totals.lost}, ${totals.lostOtherwise} of them where no server was killed or frozen`,
    );
    console.log(
      `history: ${history.calls} calls on ${history.keys} keys, ${history.unexplained.length} keys unexplained, ` +
        `${history.undecided} undecided`,
    );
    console.log(`heap ${before.heapMiB.toFixed(1)} MiB before, ${after.heapMiB.toFixed(1)} after`);
    console.log(`sockets ${before.handles} before, ${after.handles} after`);
    console.log(`unhandled rejections ${rejections.length}`);
    return (
      totals.lostOtherwise + totals.twice + totals.untruthful + totals.disordered === 0 &&
      history.unexplained.length === 0 &&
      rejections.length === 0 &&
      after.heapMiB < before.heapMiB + 20 &&
      after.handles <= before.handles + 6
    );
  } finally {
    await stopUse();
    await session.close();
    await cluster.stop();
  }
}

type Totals = Record<'calls' | 'lost' | 'lostOtherwise' | 'twice' | 'untruthful' | 'disordered', number>;

/**
 * A fault under load, and what the load found out. Its books are closed each time, so that they do not grow.
 * @param isLosing whether servers may lose what they have acknowledged.
 * @returns how many answered writes were lost, and what the checker says of the history
 */
async function round(
  cluster: LocalCluster,
  session: KeyslotSession,
  seats: EntityRegistry,
  fault: () => Promise<void>,
  isLosing: boolean,
  totals: Totals,
  errors: Map<string, number>,
): Promise<{ readonly lost: number; readonly history: HistoryFigures }> {
  const from = performance.now();
  const load = new Load(session, Shards.even(3), from, { callers: 4, pauseMs: 15 });
  const halls = new Halls(seats, load.slotsInUse);
  const watched = new WatchedRegisters(session.client, load.tagsInUse);
  await delay(300);
  await fault();
  await cluster.waitUntilStable({ timeoutMs: 60_000 });
  await delay(500);
  await Promise.all([load.stop(), halls.stop(), watched.stop()]);
  const losses = isLosing ? [{ from, to: performance.now() }] : [];
  const { oracle, recorded } = load;
  const keys = [...oracle.counters, ...recorded.registers];
  const truth = await readTruth(cluster, {}, keys, [...oracle.sequences.keys()]);
  const verdict = oracle.judge(truth);
  const judged = [recorded.judge(truth, losses), await halls.judge(losses), await watched.judge(losses)];
  const history = judged.reduce(together);
  totals.calls += load.calls;
  for (const kind of ['lost', 'twice', 'untruthful', 'disordered'] as const) totals[kind] += verdict[kind];
  for (const [code, number] of load.errors) errors.set(code, (errors.get(code) ?? 0) + number);
  await Promise.all(cluster.primaries.map((node) => cluster.command(node, 'FLUSHALL')));
  return { lost: verdict.lost, history };
}

/** A subscription of each kind and a blocked pop, for as long as the soak lasts. */
function use(client: ClusterClient): () => Promise<void> {
  const subscriptions = [
    client.pubsub.channel('soak').subscribe(),
    client.pubsub.pattern('soak*').subscribe(),
    client.pubsub.sharded('soak').subscribe(),
  ];
  let running = true;
  const popping = (async () => {
    while (running) await client.blpop('soak-list', 1).catch(() => delay(100));
  })();
  return async () => {
    running = false;
    for (const subscription of subscriptions) subscription.unsubscribe();
    await popping;
  };
}
