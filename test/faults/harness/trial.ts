import { setTimeout as delay } from 'node:timers/promises';
import { KeyslotSession } from './clients/keyslot.js';
import { Commits } from './commits.js';
import type { Figures, ShardFigures } from './figures.js';
import { Halls, seatsOf } from './histories/halls.js';
import { together, type HistoryFigures } from './histories/verdicts.js';
import { WatchedRegisters } from './histories/watched-registers.js';
import { HallWorkers, type HallWorkerOptions } from './halls/hall-workers.js';
import { Load, type LoadOptions } from './load.js';
import { Messages } from './messages.js';
import type { Stage } from './scenario.js';
import { serverCounts } from './server-counts.js';
import { ServerWatch } from './server-watch.js';
import type { Session, SessionOptions } from './session.js';
import { Shards } from './shards.js';
import type { Timeline } from './timeline.js';
import { readTruth } from './truth.js';

/** How far a replica may be behind its primary, in ms, on a machine that is busy with other things. */
const LAG_MS = 3_000;

/** What a trial is made with. */
export interface TrialOptions {
  readonly load?: LoadOptions;
  /** How the client connects, where not to the nodes themselves. */
  readonly session?: Partial<SessionOptions>;
  /** Entities and subscriptions beside the calls; Keyslot only. Default true. */
  readonly beside?: boolean;
  /** Rows with indexes and unique constraints, written in every way; Keyslot only. Default none. */
  readonly hallWorkers?: HallWorkerOptions;
  /** Successful calls of each shard before and after. Default 150. */
  readonly around?: number;
  /** Servers may lose what they have acknowledged. */
  readonly mayLose?: boolean;
  /** How long a shard may take to work again once the fault is over, in ms. Default 25000. */
  readonly patienceMs?: number;
}

/** What a fault may look at while the load goes on. */
export interface Trial {
  readonly load: Load;
  readonly session: Session;
  readonly shards: Shards;
  /** Keeps a figure of the scenario's own. */
  note(name: string, value: number): void;
}

/**
 * Runs the load, does something to the cluster, lets the load go on, and compares what the callers were told with
 * what the nodes hold. The cluster has to be whole again when the fault is over, or become so by itself.
 */
export async function trial(
  stage: Stage,
  fault: (trial: Trial) => Promise<void>,
  {
    load: loadOptions,
    session: sessionOptions,
    beside = true,
    hallWorkers: workerOptions,
    around = 150,
    mayLose = false,
    patienceMs = 25_000,
  }: TrialOptions = {},
): Promise<Figures> {
  const { cluster } = stage;
  const access = { password: stage.password, ca: cluster.tls?.ca };
  const shards = await shardsOf(stage);
  const session = await stage.client.open({ nodes: cluster.seeds, ...access, ...sessionOptions });
  const begin = performance.now();
  const before = await serverCounts(cluster);
  const watch = new ServerWatch(cluster.seeds, shards, access, begin);
  const load = new Load(session, shards, begin, loadOptions);
  const own = beside && session instanceof KeyslotSession ? session.client : undefined;
  const commits = own && new Commits(own);
  const messages = own && (await Messages.start(own));
  const halls = own && new Halls(seatsOf(own), load.slotsInUse);
  const watched = own && new WatchedRegisters(own, load.tagsInUse);
  let beganAt = begin;
  const workers = own && workerOptions && (await HallWorkers.open(own, shards, workerOptions));
  const more: Record<string, number> = {};
  let recovered: number[];
  try {
    await progress(load, around, patienceMs);
    beganAt = performance.now();
    await fault({ load, session, shards, note: (name, value) => (more[name] = value) });
    recovered = await progress(load, around, patienceMs);
  } catch (error) {
    await Promise.all([
      load.stop(0),
      session.close(),
      commits?.stop().catch(() => {}),
      halls?.stop(),
      watched?.stop(),
      workers?.end().catch(() => {}),
    ]);
    throw error;
  } finally {
    watch.stop();
    load.end();
  }
  const [commitFigures, messageFigures] = await Promise.all([
    commits?.stop(),
    messages?.stop(),
    load.stop(),
    halls?.stop(),
    watched?.stop(),
    workers?.end(),
  ]);
  await cluster.waitUntilStable({ timeoutMs: 60_000 });
  const after = await serverCounts(cluster);
  const { oracle, recorded } = load;
  const keys = [...oracle.counters, ...recorded.registers];
  const lost = mayLose ? [{ from: beganAt - LAG_MS, to: performance.now() }] : [];
  const truth = await readTruth(cluster, access, keys, [...oracle.sequences.keys()]);
  const verdict = oracle.judge(truth);
  const judged = await Promise.all([halls, watched].map((calls) => calls?.judge(lost)));
  const history = judged.reduce<HistoryFigures>(
    (all, one) => (one ? together(all, one) : all),
    recorded.judge(truth, lost),
  );
  const workerFigures = await workers?.read(cluster);
  await session.close();
  return {
    calls: load.calls,
    errors: Object.fromEntries(load.errors),
    repeatableErrors: load.repeatableErrors,
    verdict,
    history,
    shards: load.shardsInUse.map((shard) =>
      shardFigures(shard, load, watch.timelines[shard], recovered.includes(shard)),
    ),
    commits: commitFigures,
    messages: messageFigures,
    hallWorkers: workerFigures,
    refreshes: after.refreshes - before.refreshes,
    connections: after.connections - before.connections,
    more,
  };
}

/** Waits until every shard has so many more successes; those that have not in time are left out of the result. */
async function progress(load: Load, calls: number, patienceMs: number): Promise<number[]> {
  const goals = load.successes.map((count) => count + calls);
  const end = performance.now() + patienceMs;
  const there = (): number[] => load.shardsInUse.filter((shard) => load.successes[shard] >= goals[shard]);
  while (there().length < load.shardsInUse.length && performance.now() < end) await delay(20);
  return there();
}

/** The slots of each primary as it is now. */
async function shardsOf({ cluster }: Stage): Promise<Shards> {
  await cluster.waitUntilStable({ timeoutMs: 60_000 });
  const ranges = await Promise.all(
    cluster.primaries.map(async (node) => {
      const lines = String(await cluster.command(node, 'CLUSTER', 'NODES')).split('\n');
      return (
        lines
          .find((line) => line.includes('myself'))
          ?.split(' ')
          .slice(8) ?? []
      );
    }),
  );
  const slots = ranges.map((own) =>
    own
      .map((text) => text.split('-').map(Number))
      .flatMap(([first, last = first]) => Array.from({ length: last - first + 1 }, (_, i) => first + i)),
  );
  return new Shards(slots.filter((own) => own.length > 0));
}

function shardFigures(shard: number, load: Load, server: Timeline, recovered: boolean): ShardFigures {
  const latencies = load.latencies[shard];
  const down = load.timelines[shard].longestOutage;
  const length = (outage = { from: 0, until: 0 }): number => outage.until - outage.from;
  const servedAgain =
    server.outages.filter(({ from }) => down !== undefined && from < down.until).at(-1)?.until ?? 0;
  return {
    shard,
    serverDownMs: length(server.longestOutage),
    clientDownMs: length(down),
    lagMs: down === undefined ? 0 : Math.max(0, down.until - Math.max(down.from, servedAgain)),
    p50Ms: latencies.at(0.5),
    p99Ms: latencies.at(0.99),
    worstMs: latencies.at(1),
    recovered,
  };
}
