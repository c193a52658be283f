import { setTimeout as delay } from 'node:timers/promises';
import type { LocalNode } from 'keyslot/testing';
import { always, atLeast, commitsSucceed, entitiesWhole, gapsTold, noErrors, noneLost } from '../goals.js';
import type { Need, Scenario } from '../scenario.js';
import { serverProgram, upgradeAtRestart } from '../server-programs.js';
import { trial } from '../trial.js';
import { primaryOf, replicaOf } from './standing.js';

const STABLE = { timeoutMs: 60_000 };

/** A replica becomes the new program, takes over as planned, and the former primary becomes the new program. */
const upgrade = (next: Need, title: string): Scenario => ({
  name: `upgrade-${next.split('-')[0]}`,
  title: `the servers are replaced node by node by ${title}`,
  cluster: { binary: serverProgram('with-upgrade') },
  needs: next,
  goals: [
    ...always,
    gapsTold,
    noErrors,
    noneLost,
    commitsSucceed,
    entitiesWhole,
    atLeast('nodes of the new version', 6),
  ],
  play: (stage) =>
    trial(
      stage,
      async ({ shards, load, note }) => {
        const { cluster } = stage;
        const renew = async (node: LocalNode): Promise<void> => {
          upgradeAtRestart(cluster, node);
          await cluster.restart(node);
          await cluster.waitUntilStable(STABLE);
        };
        const versionOf = async (node: LocalNode): Promise<string | undefined> =>
          /^(?:valkey|redis)_version:.*$/gm.exec(String(await cluster.command(node, 'INFO', 'server')))?.[0];
        const old = await versionOf(cluster.nodes[0]);
        for (const shard of shards.slots.keys()) {
          const primary = await primaryOf(cluster, shards, shard);
          const replica = await replicaOf(stage, primary);
          await renew(replica);
          await cluster.failover(replica, STABLE);
          // what was sent to the former primary is answered by it
          const goal = load.successes[shard] + 100;
          for (
            const end = performance.now() + 20_000;
            load.successes[shard] < goal && performance.now() < end;
          )
            await delay(20);
          await renew(primary);
        }
        const versions = await Promise.all(cluster.nodes.map(versionOf));
        note('nodes of the new version', versions.filter((version) => version !== old).length);
      },
      { hallWorkers: {}, patienceMs: 40_000 },
    ),
});

/** Servers that become other versions. */
export const upgrades: readonly Scenario[] = [
  upgrade('redis-8.0', 'Redis 8.0'),
  upgrade('valkey-8.0', 'Valkey 8.0'),
];
