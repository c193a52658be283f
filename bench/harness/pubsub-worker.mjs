// One subscriber in a process of its own, so that its CPU time and heap are its own. Started by client-process.mjs.
import { keyslot, subscribers } from '../pubsub-clients.mjs';
import { heapBytes } from './measures.mjs';

const [name, nodesText] = process.argv.slice(2);
const [node] = JSON.parse(nodesText);

const subscriber = await (subscribers[name]?.open ?? keyslot)(node);
let stop = async () => {};
/** What has arrived since the last subscription. */
let arrived = { count: 0, firstAt: 0, micros: 0 };
let awaited = { count: Infinity, resolve: () => {} };
let delays = [];

const requests = {
  /** So many subscribers of a channel; messages are counted from then on. */
  async subscribe({ channel, count }) {
    arrived = { count: 0, firstAt: 0 };
    stop = await subscriber.subscribe(channel, count, onCounted);
    arrived.cpu = process.cpuUsage();
    return true;
  },
  /** Until so many have arrived: how long that took from the first to the last, and the CPU. */
  receive: ({ count }) =>
    new Promise((resolve) => {
      awaited = { count, resolve };
      check();
    }),
  async subscribeTimed({ channel }) {
    delays = [];
    stop = await subscriber.subscribe(channel, 1, (text) =>
      delays.push(Number(process.hrtime.bigint() - BigInt(text)) / 1e6),
    );
    return true;
  },
  delays: async () => delays,
  /** To so many channels: how long that took, and the CPU. */
  async subscribeAll({ channels }) {
    const names = channelNames(channels);
    const cpuBefore = process.cpuUsage();
    const startedAt = performance.now();
    stop = await subscriber.subscribeAll(names);
    const ms = performance.now() - startedAt;
    const { user, system } = process.cpuUsage(cpuBefore);
    return { ms, cpu: (user + system) / 1_000 };
  },
  /** The same: the heap a channel. Not with the times, as collecting garbage drops compiled code. */
  async heapOfAll({ channels }) {
    const names = channelNames(channels);
    const before = heapBytes();
    stop = await subscriber.subscribeAll(names);
    return { bytes: (heapBytes() - before) / channels };
  },
  async stop() {
    await stop();
    return true;
  },
  close: () => subscriber.close(),
};

const channelNames = (count) => Array.from({ length: count }, (_, i) => `bench:channel:${i}`);

function onCounted() {
  if (arrived.count++ === 0) arrived.firstAt = performance.now();
  if (arrived.count === awaited.count) check();
}

function check() {
  if (arrived.count < awaited.count) return;
  const { user, system } = process.cpuUsage(arrived.cpu);
  const { resolve } = awaited;
  awaited = { count: Infinity, resolve: () => {} };
  resolve({ seconds: (performance.now() - arrived.firstAt) / 1_000, micros: user + system });
}

process.on('message', async ({ kind, ...request }) => {
  try {
    process.send({ result: await requests[kind](request) });
  } catch (error) {
    process.send({ error: String(error?.stack ?? error) });
  }
  if (kind === 'close') process.disconnect();
});
// whoever started us is gone
process.on('disconnect', () => process.exit());
process.send({ result: true });
