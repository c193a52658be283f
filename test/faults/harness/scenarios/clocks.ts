import { setTimeout as delay } from 'node:timers/promises';
import { ClusterClient } from 'keyslot';
import type { KeyslotSession } from '../clients/keyslot.js';
import { always, atLeast, commitsSucceed, entitiesWhole, gapsTold, noneLost, onlyInDoubt } from '../goals.js';
import type { Scenario } from '../scenario.js';
import { serverProgram, setClock } from '../server-programs.js';
import { OpenTill } from '../tills/till.js';
import { noteTill, tillGoals } from '../tills/till-goals.js';
import { TILL_ROLES, type TillRole } from '../tills/till-roles.js';
import { trial } from '../trial.js';
import { primaryOf, replicaOf, sized } from './standing.js';

/** How far the clocks of the nodes are off, in seconds, in one round after the other. */
const OFFSETS: readonly (readonly number[])[] = [
  [10, 0, -10, -10, 10, 0],
  [-10, 10, 0, 10, -10, 0],
  [10, 10, 10, -10, -10, -10],
  [-10, -10, -10, 10, 10, 10],
  [0, -10, 10, 0, 10, -10],
];
const WORKERS: readonly TillRole[] = ['saver', 'locker', 'locker', 'follower'];

/** Clocks that are wrong. */
export const clocks: readonly Scenario[] = [
  {
    name: 'clocks',
    title: "the nodes' clocks are up to 20 s apart and jump by up to 20 s, and replicas take over",
    keyslotOnly: 'it is about entities, whose locks, leases and versions use the clocks of servers',
    needs: 'clock',
    cluster: { binary: serverProgram('with-clock'), requireFullCoverage: false },
    goals: [
      ...always,
      gapsTold,
      onlyInDoubt(54),
      noneLost,
      commitsSucceed,
      entitiesWhole,
      ...tillGoals,
      atLeast('seconds between two clocks', 15),
    ],
    play: (stage) =>
      trial(
        stage,
        async ({ session, shards, note }) => {
          const { cluster } = stage;
          const { client } = session as KeyslotSession;
          const till = await OpenTill.open(cluster, client);
          // a client of its own for each, as each were a process
          const clients = WORKERS.map(() => new ClusterClient({ nodes: cluster.seeds, deadlineMs: 60_000 }));
          await Promise.all(clients.map((each) => each.connect()));
          const [ending, followersEnding] = [new AbortController(), new AbortController()];
          const working = WORKERS.map((role, i) =>
            TILL_ROLES[role]({
              client: clients[i],
              tillId: till.id,
              name: `w${i}`,
              emit: till.books.record,
              ending: (role === 'follower' ? followersEnding : ending).signal,
            }),
          );
          let apart = 0;
          try {
            for (let round = 0; round < sized(stage, 2, 15); round++) {
              const offsets = OFFSETS[round % OFFSETS.length];
              for (const [i, node] of cluster.nodes.entries()) setClock(cluster, node, offsets[i]);
              await delay(sized(stage, 3_000, 6_000));
              const times = await Promise.all(
                cluster.nodes.map(async (node) =>
                  Number(((await cluster.command(node, 'TIME')) as string[])[0]),
                ),
              );
              apart = Math.max(apart, Math.max(...times) - Math.min(...times));
              const primary = await primaryOf(cluster, shards, round % shards.count);
              await cluster.failover(await replicaOf(stage, primary), { timeoutMs: 60_000 });
              await cluster.waitUntilStable({ timeoutMs: 60_000 });
            }
          } finally {
            for (const node of cluster.nodes) setClock(cluster, node, 0);
            ending.abort();
            await Promise.all(working.filter((_, i) => WORKERS[i] !== 'follower'));
            await till.untilCounted();
            followersEnding.abort();
            await Promise.all(working);
            await Promise.all(clients.map((each) => each.close()));
          }
          note('seconds between two clocks', apart);
          noteTill(note, await till.judge());
        },
        { hallWorkers: {}, patienceMs: 60_000 },
      ),
  },
];
