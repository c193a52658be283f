import { setTimeout as delay } from 'node:timers/promises';
import type { LocalCluster } from 'keyslot/testing';
import { KeyslotSession } from '../clients/keyslot.js';
import {
  always,
  atLeast,
  commitsSucceed,
  gapsTold,
  noErrors,
  noGaps,
  noneLost,
  onlyErrors,
} from '../goals.js';
import type { Scenario } from '../scenario.js';
import type { Credentials } from '../session.js';
import { trial } from '../trial.js';
import { sized } from './standing.js';

const ALL = ['~*', '&*', '+@all'];
let users = 0;

/** A command to all nodes. */
const everywhere = (cluster: LocalCluster, ...command: [string, ...string[]]): Promise<unknown> =>
  Promise.all(cluster.nodes.map((node) => cluster.command(node, ...command)));

/** A user who may do everything, on all nodes. */
async function newUser(cluster: LocalCluster): Promise<Credentials> {
  const user = { username: `user-${process.pid}-${users++}`, password: `password-${users}` };
  await everywhere(cluster, 'ACL', 'SETUSER', user.username, 'on', `>${user.password}`, ...ALL);
  return user;
}

/** What is taken from a user, and what gives it back. */
const RIGHTS = [
  { taken: ['-incr', '-eval', '-evalsha'], given: ['+@all'] },
  { taken: ['resetkeys', '~{nobody}*'], given: ['~*'] },
  { taken: ['-@all', '+cluster|slots'], given: ['+@all'] },
] as const;

/** Who may connect, and do what. */
export const access: readonly Scenario[] = [
  {
    name: 'rotation',
    title:
      'the password is replaced, then the user, whose last connections are cut (20 times in the full form)',
    keyslotOnly: 'the other clients are given one user and one password here',
    goals: [...always, gapsTold, noGaps, noErrors, noneLost, commitsSucceed],
    play: async (stage) => {
      const { cluster } = stage;
      let current = await newUser(cluster);
      const credentials = (): Credentials => current;
      const goOn = async (calls: () => number): Promise<void> => {
        for (const goal = calls() + 200; calls() < goal;) await delay(20);
      };
      try {
        return await trial(
          stage,
          async ({ load, session }) => {
            const { client } = session as KeyslotSession;
            for (let round = 0; round < sized(stage, 3, 20); round++) {
              const { username, password: old } = current;
              const password = `${old}-${round}`;
              await everywhere(cluster, 'ACL', 'SETUSER', username, `>${password}`);
              current = { username, password };
              await client.refreshCredentials();
              await everywhere(cluster, 'ACL', 'SETUSER', username, `<${old}`);
              await goOn(() => load.calls);
              current = await newUser(cluster);
              await client.refreshCredentials();
              await everywhere(cluster, 'ACL', 'DELUSER', username);
              await goOn(() => load.calls);
            }
          },
          { session: { credentials } },
        );
      } finally {
        await everywhere(cluster, 'ACL', 'DELUSER', current.username);
      }
    },
  },
  {
    name: 'rights',
    title:
      'the user loses the right to commands, to keys, to all but the topology, and gets it back each time',
    goals: [
      ...always,
      gapsTold,
      noGaps,
      onlyErrors('NOPERM', 'EXECABORT'),
      noneLost,
      atLeast('calls refused', 300),
    ],
    play: async (stage) => {
      const { cluster } = stage;
      const user = await newUser(cluster);
      try {
        return await trial(
          stage,
          async ({ load, note }) => {
            const refused = (): number => [...load.errors.values()].reduce((sum, count) => sum + count, 0);
            const until = async (done: () => boolean): Promise<void> => {
              for (const end = performance.now() + 30_000; !done() && performance.now() < end;)
                await delay(20);
            };
            for (let round = 0; round < sized(stage, 1, 5); round++) {
              for (const { taken, given } of RIGHTS) {
                const asOf = refused();
                await everywhere(cluster, 'ACL', 'SETUSER', user.username, ...taken);
                await until(() => refused() >= asOf + 100);
                await everywhere(cluster, 'ACL', 'SETUSER', user.username, ...given);
                const goals = load.successes.map((count) => count + 50);
                await until(() => load.shardsInUse.every((shard) => load.successes[shard] >= goals[shard]));
              }
            }
            note('calls refused', refused());
          },
          { session: { credentials: () => user } },
        );
      } finally {
        await everywhere(cluster, 'ACL', 'DELUSER', user.username);
      }
    },
  },
];
