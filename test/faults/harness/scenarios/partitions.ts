import { BusPartition } from '../bus-partition.js';
import { always, atMost, backWithin, commitsSucceed, noneLost, onlyInDoubt, gapsTold } from '../goals.js';
import type { Scenario } from '../scenario.js';
import { StrangeCluster } from '../strange-cluster.js';
import { trial } from '../trial.js';
import { primaryOf, replicaOf, sized, untilReplaced } from './standing.js';
import { setTimeout as delay } from 'node:timers/promises';

/** Nodes that are still there, and not what they were. */
export const partitions: readonly Scenario[] = [
  {
    name: 'partition',
    title: 'a primary is parted from all other nodes, though not from the client; it comes back as a replica',
    goals: [...always, onlyInDoubt(54), backWithin(2_000)],
    play: async (stage) => {
      const { cluster } = stage;
      const partition = await BusPartition.install(cluster);
      try {
        return await trial(
          stage,
          async ({ shards }) => {
            const parted = await primaryOf(cluster, shards, 0);
            const heir = await replicaOf(stage, parted);
            await partition.isolate(parted);
            const end = performance.now() + 30_000;
            while (!/^master/.test(String(await cluster.command(heir, 'ROLE')))) {
              if (performance.now() > end) throw new Error('Nobody took over from the parted primary');
              await delay(50);
            }
            await delay(sized(stage, 500, 10_000));
            await partition.heal();
            await untilReplaced(stage, shards, 0, parted);
          },
          { mayLose: true },
        );
      } finally {
        await partition.remove();
      }
    },
  },
  {
    name: 'address-reused',
    title: 'the address of a removed replica belongs to another cluster, which takes all it is told',
    goals: [
      ...always,
      gapsTold,
      onlyInDoubt(0),
      noneLost,
      commitsSucceed,
      atMost('keys written to the other cluster', 0),
    ],
    play: (stage) =>
      trial(stage, async ({ shards, note, load }) => {
        const { cluster } = stage;
        const primary = await primaryOf(cluster, shards, 0);
        const replica = await replicaOf(stage, primary);
        await cluster.removeNode(replica);
        const strange = await StrangeCluster.start(replica.port);
        try {
          const goal = load.calls + 1_000;
          while (load.calls < goal) await delay(20);
          note('keys written to the other cluster', await strange.keys());
        } finally {
          await strange.stop();
        }
        await cluster.addNode({ replicaOf: primary });
      }),
  },
];
