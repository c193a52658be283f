import { setTimeout as delay } from 'node:timers/promises';
import {
  allRecover,
  always,
  atMost,
  commitsSucceed,
  explained,
  inOrder,
  noErrors,
  noneLost,
  noneTwice,
  onlyInDoubt,
  repeatablesSucceed,
  truthful,
  gapsTold,
} from '../goals.js';
import { Proxy } from '../proxy.js';
import type { Scenario } from '../scenario.js';
import { primaryOf, sized } from './standing.js';
import { throughProxies } from './through-proxies.js';

/** Only what executes something when it is repeated: an answer to these is worth losing. */
const INCREMENTS = /\r\n(incr|eval|evalsha|rpush)\r\n/i;

/** What happens between the client and healthy servers. */
export const links: readonly Scenario[] = [
  {
    name: 'lost-replies',
    title: '2 % of the replies to increments are cut off (100,000 increments in the full form)',
    goals: [
      noneTwice,
      noneLost,
      truthful,
      inOrder,
      explained,
      allRecover,
      repeatablesSucceed,
      commitsSucceed,
    ],
    play: (stage) =>
      throughProxies(
        stage,
        async ({ load, note }, proxies) => {
          for (const proxy of proxies.all)
            proxy.cutAfter = (request) => INCREMENTS.test(request.toString('latin1')) && Math.random() < 0.02;
          const goal = load.increments + sized(stage, 5_000, 100_000);
          const end = performance.now() + sized(stage, 30_000, 900_000);
          while (load.increments < goal && performance.now() < end) await delay(20);
          for (const proxy of proxies.all) proxy.cutAfter = () => false;
          note('increments', load.increments);
          note('connections cut', proxies.cuts);
        },
        { load: { callers: 12, pipelines: 4, pauseMs: 1 }, beside: stage.form === 'short' },
      ),
  },
  {
    name: 'one-way',
    title: 'a primary hears the client, and is not heard: its connections are dead in one direction',
    goals: [...always, gapsTold, onlyInDoubt(200), noneLost, commitsSucceed],
    play: (stage) =>
      throughProxies(stage, async ({ load, shards }, proxies) => {
        const proxy = proxies.before(await primaryOf(stage.cluster, shards, 0)) as Proxy;
        const goal = load.calls + 500;
        proxy.blackhole = 'toClient';
        while (load.calls < goal) await delay(20);
        await delay(1_500);
        // what is open stays dead, as after a firewall forgot it; new connections work
        proxy.cut();
        proxy.blackhole = 'none';
      }),
  },
  {
    name: 'remap',
    title: 'addresses are remapped (NAT), replies take 20 ms, and slots move',
    goals: [...always, gapsTold, noErrors, noneLost, commitsSucceed],
    play: (stage) => {
      const moving = Array.from({ length: sized(stage, 60, 1_000) }, (_, slot) => slot);
      return throughProxies(
        stage,
        async (_, proxies) => {
          const { cluster } = stage;
          for (const proxy of proxies.all) proxy.delayMs = 20;
          const [from, to] = [await cluster.primaryOfSlot(0), await cluster.primaryOfSlot(16_383)];
          await cluster.migrateSlots(moving, from, to);
          await cluster.migrateSlots(moving, to, from);
        },
        { load: { slots: moving }, beside: false },
      );
    },
  },
  {
    name: 'strangers',
    title: 'redirects are rewritten to a host that is not of the cluster, while slots move',
    goals: [
      ...always,
      gapsTold,
      noErrors,
      noneLost,
      commitsSucceed,
      atMost('connections to the stranger', 0),
    ],
    play: async (stage) => {
      const { cluster } = stage;
      const stranger = await Proxy.start(cluster.nodes[0]);
      const moving = Array.from({ length: sized(stage, 40, 400) }, (_, slot) => slot);
      const misleading = (reply: Buffer): Buffer => {
        const text = reply.toString('latin1');
        if (!/^-(MOVED|ASK) /m.test(text)) return reply;
        return Buffer.from(
          text.replace(/^(-(?:MOVED|ASK) \d+) \S+/gm, `$1 127.0.0.1:${stranger.port}`),
          'latin1',
        );
      };
      try {
        return await throughProxies(
          stage,
          async ({ note }, proxies) => {
            for (const proxy of proxies.all) proxy.rewrite = misleading;
            const [from, to] = [await cluster.primaryOfSlot(0), await cluster.primaryOfSlot(16_383)];
            await cluster.migrateSlots(moving, from, to);
            await cluster.migrateSlots(moving, to, from);
            await delay(200);
            for (const proxy of proxies.all) proxy.rewrite = (reply) => reply;
            note('connections to the stranger', stranger.accepted);
          },
          { load: { slots: moving }, beside: false },
        );
      } finally {
        await stranger.stop();
      }
    },
  },
];
