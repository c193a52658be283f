import { setTimeout as delay } from 'node:timers/promises';
import { always, atMost, commitsSucceed, gapsTold, noErrors, noneLost } from '../goals.js';
import type { Scenario } from '../scenario.js';
import { serverCounts } from '../server-counts.js';
import { trial } from '../trial.js';
import { primaryOf, replicaOf, sized } from './standing.js';

const PAUSE_MS = 250;

/** Many clients, and ways to connect. */
export const crowds: readonly Scenario[] = [
  {
    name: 'crowd',
    title: 'one planned failover before 200 clients (40 in the short form)',
    goals: [
      ...always,
      noErrors,
      noneLost,
      // three nodes are asked each time, again while the former primary is missing from their views
      atMost('topology reads a client', 12),
      atMost('failed calls of the crowd', 0),
    ],
    play: (stage) =>
      trial(
        stage,
        async ({ note, shards }) => {
          const { cluster } = stage;
          const size = sized(stage, 40, 200);
          const nodes = cluster.seeds;
          const crowd = await Promise.all(
            Array.from({ length: size }, () => stage.client.open({ nodes, password: stage.password })),
          );
          let running = true;
          let failed = 0;
          const callers = crowd.map(async (session, i) => {
            for (let n = 0; running; n++) {
              await session.set(`crowd${i}:${n % 20}`, 'v').catch(() => failed++);
              await delay(PAUSE_MS);
            }
          });
          try {
            await delay(2 * PAUSE_MS);
            const before = await serverCounts(cluster);
            const primary = await primaryOf(cluster, shards, 0);
            await cluster.failover(await replicaOf(stage, primary));
            await cluster.waitUntilStable();
            await delay(2_000);
            const after = await serverCounts(cluster);
            note('topology reads a client', (after.refreshes - before.refreshes) / size);
            note('failed calls of the crowd', failed);
          } finally {
            running = false;
            await Promise.all(callers);
            await Promise.all(crowd.map((session) => session.close()));
          }
        },
        { load: { callers: 2, pipelines: 1, pauseMs: 20 }, beside: false, around: 50 },
      ),
  },
  {
    name: 'tls',
    title: 'TLS only: a replica takes over as planned, and slots move',
    cluster: { tls: true },
    goals: [...always, gapsTold, noErrors, noneLost, commitsSucceed],
    play: (stage) =>
      trial(stage, async ({ shards }) => {
        const { cluster } = stage;
        const primary = await primaryOf(cluster, shards, 0);
        await cluster.failover(await replicaOf(stage, primary));
        await cluster.waitUntilStable();
        const [from, to] = [await primaryOf(cluster, shards, 1), await primaryOf(cluster, shards, 2)];
        const slots = shards.slots[1].slice(0, sized(stage, 20, 400));
        await cluster.migrateSlots(slots, from, to);
        await cluster.migrateSlots(slots, to, from);
      }),
  },
];
