import { always, commitsSucceed, noErrors, noneLost, noneSlowerThan, gapsTold } from '../goals.js';
import type { Scenario } from '../scenario.js';
import { trial } from '../trial.js';
import { primaryOf, replicaOf, sized } from './standing.js';

/** What is done to a healthy cluster on purpose. */
export const moves: readonly Scenario[] = [
  {
    name: 'reshard',
    title: 'slots move to another node and back (4,096 in the full form)',
    goals: [...always, gapsTold, noErrors, noneLost, commitsSucceed],
    play: async (stage) => {
      const { cluster } = stage;
      const count = sized(stage, 120, 4_096);
      // the load is on the slots that move, and on one of the other shards
      const from = await cluster.primaryOfSlot(0);
      const to = await cluster.primaryOfSlot(16_383);
      const moving = Array.from({ length: count }, (_, slot) => slot);
      const others = Array.from({ length: 2_000 }, (_, i) => 8_192 + i);
      return trial(
        stage,
        async ({ note }) => {
          const startedAt = performance.now();
          await cluster.migrateSlots(moving, from, to, { keysPerStep: 20 });
          note('moved after ms', performance.now() - startedAt);
          await cluster.migrateSlots(moving, to, from, { keysPerStep: 20 });
        },
        { load: { slots: [...moving, ...others] } },
      );
    },
  },
  {
    name: 'planned-failover',
    title: 'replicas take over as planned (20 times in the full form)',
    goals: [...always, gapsTold, noErrors, noneLost, commitsSucceed, noneSlowerThan(250)],
    play: (stage) =>
      trial(stage, async ({ load, shards }) => {
        const { cluster } = stage;
        for (let round = 0; round < sized(stage, 3, 20); round++) {
          const primary = await primaryOf(cluster, shards, round % shards.count);
          await cluster.failover(await replicaOf(stage, primary));
          await cluster.waitUntilStable();
          const goal = load.calls + 100;
          while (load.calls < goal) await new Promise((resolve) => setTimeout(resolve, 20));
        }
      }),
  },
  {
    name: 'members',
    title: 'a replica removed; a node added, given slots, and removed',
    goals: [...always, gapsTold, noErrors, noneLost, commitsSucceed],
    play: (stage) =>
      trial(stage, async ({ shards }) => {
        const { cluster } = stage;
        const primary = await primaryOf(cluster, shards, 0);
        await cluster.removeNode(await replicaOf(stage, primary));
        const added = await cluster.addNode();
        const slots = shards.slots[0].slice(0, sized(stage, 40, 400));
        await cluster.migrateSlots(slots, primary, added);
        await cluster.migrateSlots(slots, added, primary);
        // without slots it may have become a replica of the taker
        await cluster.removeNode(added);
        await cluster.addNode({ replicaOf: primary });
      }),
  },
];
