import { setTimeout as delay } from 'node:timers/promises';
import type { LocalCluster, LocalNode } from 'keyslot/testing';
import { always, atLeast, atMost, commitsSucceed, gapsTold, noErrors, noneLost } from '../goals.js';
import type { Proxies } from '../proxy.js';
import type { Scenario } from '../scenario.js';
import type { Trial } from '../trial.js';
import { replicaOf, sized } from './standing.js';
import { throughProxies } from './through-proxies.js';

/** A node as CLUSTER SLOTS names it: the beginning of its entry, byte for byte. */
async function entryOf(cluster: LocalCluster, node: LocalNode): Promise<string> {
  const id = String(await cluster.command(node, 'CLUSTER', 'MYID'));
  return `$${node.host.length}\r\n${node.host}\r\n:${node.port}\r\n$40\r\n${id}\r\n`;
}

/** Replies in which nodes stand in the place of each other. */
function exchanging(pairs: readonly (readonly [string, string])[]): (reply: string) => string {
  const others = new Map(pairs.flatMap(([one, other]) => [[one, other] as const, [other, one] as const]));
  return (reply) =>
    reply.replace(/\$\d+\r\n[\d.]+\r\n:\d+\r\n\$40\r\n\w+\r\n/g, (entry) => others.get(entry) ?? entry);
}

/** What nodes say of the cluster, and is not so. */
export const views: readonly Scenario[] = [
  {
    name: 'liar',
    title: 'one of three primaries tells a view that is old for one shard and wrong for the others',
    goals: [
      ...always,
      gapsTold,
      noErrors,
      noneLost,
      commitsSucceed,
      atLeast('lies told', 3),
      atMost('failed calls of a client that starts from the liar', 0),
    ],
    play: async (stage) => {
      const { cluster } = stage;
      // the load is on the slots that move, so that clients are redirected and ask, and on the other shards
      const moving = Array.from({ length: 40 }, (_, slot) => slot);
      const others = [8_192, 14_000].flatMap((first) => Array.from({ length: 2_000 }, (_, i) => first + i));
      const owners = [moving[0], others[0], 14_000].map((slot) => cluster.primaryOfSlot(slot));
      const primaries = await Promise.all(owners);
      const heir = await replicaOf(stage, primaries[0]);
      const play = async ({ load, note }: Trial, proxies: Proxies): Promise<void> => {
        const [former, liar, other, later] = await Promise.all(
          [...primaries, heir].map((node) => entryOf(cluster, node)),
        );
        const lie = exchanging([
          [former, later],
          [liar, other],
        ]);
        let lies = 0;
        const proxy = proxies.before(primaries[1])!;
        await cluster.failover(heir);
        proxy.rewrite = (reply) => {
          const text = reply.toString('latin1');
          const told = lie(text);
          if (told !== text) lies++;
          return Buffer.from(told, 'latin1');
        };
        const late = await stage.client.open({ ...proxies.options, nodes: [proxy] });
        let failed = 0;
        for (let i = 0; i < 100; i++) await late.set(`late${i}`, 'v').catch(() => failed++);
        await late.close();
        note('failed calls of a client that starts from the liar', failed);
        const most = performance.now() + sized(stage, 30_000, 120_000);
        for (const goal = sized(stage, 5, 30); lies < goal && performance.now() < most;) {
          await cluster.migrateSlots(moving, heir, primaries[2]);
          await cluster.migrateSlots(moving, primaries[2], heir);
          const calls = load.calls + 100;
          while (load.calls < calls) await delay(20);
        }
        note('lies told', lies);
        proxy.rewrite = (reply) => reply;
      };
      return throughProxies(stage, play, { load: { slots: [...moving, ...others] } });
    },
  },
];
