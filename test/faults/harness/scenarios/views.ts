import { setTimeout as delay } from 'node:timers/promises';
import type { LocalCluster, LocalNode } from 'keyslot/testing';
import { always, atLeast, atMost, commitsSucceed, gapsTold, noErrors, noneLost } from '../goals.js';
import type { Scenario } from '../scenario.js';
import { primaryOf, replicaOf, sized } from './standing.js';
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
    play: (stage) =>
      throughProxies(stage, async ({ load, shards, note }, proxies) => {
        const { cluster } = stage;
        const primaries = await Promise.all([0, 1, 2].map((shard) => primaryOf(cluster, shards, shard)));
        const heir = await replicaOf(stage, primaries[0]);
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
        // primaries that change make clients ask
        const most = performance.now() + sized(stage, 30_000, 120_000);
        for (const goal = sized(stage, 5, 30); lies < goal && performance.now() < most;) {
          const primary = await primaryOf(cluster, shards, 0);
          await cluster.failover(await replicaOf(stage, primary));
          await cluster.waitUntilStable();
          const calls = load.calls + 100;
          while (load.calls < calls) await delay(20);
        }
        note('lies told', lies);
        proxy.rewrite = (reply) => reply;
      }),
  },
];
