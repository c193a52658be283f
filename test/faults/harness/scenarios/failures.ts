import {
  allRecover,
  always,
  backWithin,
  commitsSucceed,
  explained,
  healthyUndisturbed,
  onlyInDoubt,
  gapsTold,
} from '../goals.js';
import type { Scenario, Stage } from '../scenario.js';
import { trial } from '../trial.js';
import { primaryOf, sized, untilReplaced } from './standing.js';
import { setTimeout as delay } from 'node:timers/promises';

/** Callers of one shard, five calls at a time each, and two pipelines of twelve. */
const IN_FLIGHT_ON_A_SHARD = 6 * 5 + 24;

async function kill(stage: Stage): Promise<Awaited<ReturnType<typeof trial>>> {
  const { cluster } = stage;
  return trial(
    stage,
    async ({ shards }) => {
      const victim = await primaryOf(cluster, shards, 0);
      await cluster.kill(victim);
      await untilReplaced(stage, shards, 0, victim);
      await cluster.restart(victim);
    },
    { mayLose: true },
  );
}

async function freeze(stage: Stage): Promise<Awaited<ReturnType<typeof trial>>> {
  const { cluster } = stage;
  return trial(
    stage,
    async ({ load, shards }) => {
      const victim = await primaryOf(cluster, shards, 0);
      await cluster.freeze(victim);
      try {
        await untilReplaced(stage, shards, 0, victim);
        // the client has to find its way while the old primary still holds its connections
        const goal = load.successes[0] + 50;
        const end = performance.now() + sized(stage, 15_000, 20_000);
        while (load.successes[0] < goal && performance.now() < end) await delay(20);
      } finally {
        await cluster.thaw(victim);
      }
    },
    { mayLose: true },
  );
}

/** What happens to servers by itself. */
export const failures: readonly Scenario[] = [
  {
    name: 'kill',
    title: 'a primary is killed, and comes back as a replica',
    cluster: { requireFullCoverage: false },
    goals: [...always, gapsTold, onlyInDoubt(IN_FLIGHT_ON_A_SHARD), backWithin(500), healthyUndisturbed],
    play: kill,
  },
  {
    name: 'freeze',
    title: 'a primary freezes (SIGSTOP), full coverage required; it thaws once replaced',
    goals: [...always, gapsTold, onlyInDoubt(3 * IN_FLIGHT_ON_A_SHARD), commitsSucceed, backWithin(1_500)],
    play: freeze,
  },
  {
    name: 'freeze-partial',
    title: 'the same, full coverage not required',
    cluster: { requireFullCoverage: false },
    goals: [...always, gapsTold, onlyInDoubt(IN_FLIGHT_ON_A_SHARD), backWithin(1_500), healthyUndisturbed],
    play: freeze,
  },
  {
    name: 'restart-all',
    title: 'all nodes are killed and started again',
    goals: [...always, onlyInDoubt(3 * IN_FLIGHT_ON_A_SHARD), backWithin(2_000)],
    play: (stage) =>
      trial(
        stage,
        async () => {
          const { cluster } = stage;
          await Promise.all(cluster.nodes.map((node) => cluster.kill(node)));
          await Promise.all(cluster.nodes.map((node) => cluster.restart(node)));
        },
        { mayLose: true },
      ),
  },
  {
    name: 'all-down',
    title: 'all nodes are down for a while (60 s in the full form)',
    goals: [allRecover, explained, backWithin(2_000)],
    play: (stage) =>
      trial(
        stage,
        async ({ note, load }) => {
          const { cluster } = stage;
          const heap = (): number => {
            globalThis.gc?.();
            return process.memoryUsage().heapUsed / 2 ** 20;
          };
          const before = heap();
          const calls = load.calls;
          await Promise.all(cluster.nodes.map((node) => cluster.kill(node)));
          await delay(sized(stage, 3_000, 60_000));
          note('heap growth MiB', heap() - before);
          note('calls while down', load.calls - calls);
          await Promise.all(cluster.nodes.map((node) => cluster.restart(node)));
        },
        { patienceMs: 40_000, mayLose: true },
      ),
  },
];
