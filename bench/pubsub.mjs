// node bench/pubsub.mjs: subscribers of several clients at one node. See docs/benchmarks.md.
import { writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { readArguments } from '../scripts/program-arguments.mjs';
import { shutdownSignal } from '../scripts/shutdown.mjs';
import { buildBase } from './harness/base-build.mjs';
import { ClientProcess } from './harness/client-process.mjs';
import { openCluster, prepare } from './harness/prepare.mjs';
import { RawPublisher } from './harness/raw-publisher.mjs';
import { ratios, median, summary } from './harness/statistics.mjs';
import { table } from './harness/table.mjs';
import { subscribers, wrap } from './pubsub-clients.mjs';

const WORKER = new URL('harness/pubsub-worker.mjs', import.meta.url);
const CHANNEL = 'bench:pubsub';
const TEXT = 'x'.repeat(100);
/** Messages that are published at once; subscribers that fall behind are waited for after each. */
const BURST = 1_000;
const TIMED = 1_000;
const PAUSE_MS = 2;
const CHANNELS = 10_000;
/** Times that a process subscribes to all channels before that is measured: code is compiled as it is used. */
const WARMING = 4;

/** What is measured: figures by name, each with whether more is better. What has no measure is part of the one before. */
const ALL_SCENARIOS = [
  {
    name: 'one',
    title: 'messages a second, 1 subscriber',
    more: true,
    digits: 0,
    measure: rateOf(1, 50_000),
    part: 'rate',
  },
  { name: 'one', title: 'CPU of the subscriber, µs a message', digits: 2, part: 'cpu' },
  {
    name: 'hundred',
    title: 'deliveries a second, 100 subscribers',
    more: true,
    digits: 0,
    measure: rateOf(100, 20_000),
    part: 'rate',
  },
  { name: 'hundred', title: 'CPU of the subscribers, µs a delivery', digits: 3, part: 'cpu' },
  {
    name: 'latency',
    title: 'latency from publisher to subscriber, ms: median',
    digits: 3,
    measure: latency,
    part: 'median',
  },
  { name: 'latency', title: 'latency, ms: 99 of 100', digits: 3, part: 'late' },
  {
    name: 'first',
    title: `subscribing to ${CHANNELS} channels in a new process, ms`,
    digits: 0,
    measure: firstChannels,
    part: 'ms',
  },
  { name: 'first', title: 'the same, ms of CPU', digits: 0, part: 'cpu' },
  {
    name: 'channels',
    title: `subscribing to ${CHANNELS} channels again, ms`,
    digits: 0,
    measure: manyChannels,
    part: 'ms',
  },
  { name: 'channels', title: 'the same again, ms of CPU', digits: 0, part: 'cpu' },
  { name: 'heap', title: 'heap a channel, bytes', digits: 0, measure: heapOfChannels, part: 'bytes' },
];

const known = Object.keys(subscribers);
const { settings } = readArguments({
  usage: `node bench/pubsub.mjs [--rounds 5] [--only one,channels] [--clients keyslot,ioredis] [--baseline ioredis]
  [--compare COMMIT] [--json FILE]`,
  options: {
    rounds: { type: 'string', default: '5', number: { from: 1, whole: true } },
    json: { type: 'string' },
    only: { type: 'string', names: [...new Set(ALL_SCENARIOS.map(({ name }) => name))] },
    clients: { type: 'string', names: known },
    compare: { type: 'string' },
    baseline: { type: 'string' },
  },
});
/** The client whose figures the others are divided by. */
const BASELINE = settings.baseline ?? (settings.compare === undefined ? 'ioredis' : 'base');
const SCENARIOS = ALL_SCENARIOS.filter(({ name }) => settings.only?.includes(name) ?? true);

const signal = shutdownSignal();
await prepare(signal);
const base = settings.compare === undefined ? undefined : await buildBase(settings.compare, signal);
const clients = known.filter((name) => settings.clients?.includes(name) ?? true);
const loadBefore = loadavg()[0];
const cluster = await openCluster(signal, { primaries: 1 });
const [node] = cluster.seeds;
const publisher = await RawPublisher.open(node);
const processes = [];
try {
  for (const name of base === undefined ? clients : [...clients, 'base']) processes.push(await start(name));
  report(await measureAll());
} finally {
  await Promise.all(processes.map((one) => one.close()));
  publisher.close();
  await cluster.stop();
}

/** Figures by scenario and client, round by round; the clients take turns, each round another one first. */
async function measureAll() {
  const samples = SCENARIOS.map(() => new Map(processes.map(({ name }) => [name, []])));
  // the first round warms up
  for (let round = 0; round <= settings.rounds; round++) {
    let sample;
    for (let i = 0; i < SCENARIOS.length; i++) {
      const { measure, part } = SCENARIOS[i];
      if (measure !== undefined) {
        sample = new Map();
        for (let turn = 0; turn < processes.length; turn++) {
          signal.throwIfAborted();
          const client = processes[(round + turn) % processes.length];
          sample.set(client.name, await measure(client));
        }
      }
      if (round > 0) for (const [name, parts] of sample) samples[i].get(name).push(parts[part]);
    }
    console.error(`round ${round} of ${settings.rounds}`);
  }
  return samples;
}

function rateOf(count, most) {
  return async (client) => {
    const messages = most * (count > 1 ? (subscribers[client.name]?.share ?? 1) : 1);
    await client.ask({ kind: 'subscribe', channel: CHANNEL, count });
    const payload = wrap(client.name, CHANNEL, TEXT);
    const received = client.ask({ kind: 'receive', count: messages * count });
    for (let sent = 0; sent < messages; sent += BURST) await publisher.publish(CHANNEL, payload, BURST);
    const { seconds, micros } = await received;
    await client.ask({ kind: 'stop' });
    return { rate: (messages * count) / seconds, cpu: micros / (messages * count) };
  };
}

async function latency(client) {
  await client.ask({ kind: 'subscribeTimed', channel: CHANNEL });
  for (let i = 0; i < TIMED; i++) {
    await publisher.publish(CHANNEL, wrap(client.name, CHANNEL, String(process.hrtime.bigint())));
    await delay(PAUSE_MS);
  }
  await delay(100);
  const delays = await client.ask({ kind: 'delays' });
  if (delays.length !== TIMED) throw new Error(`${client.name} got ${delays.length} of ${TIMED} messages`);
  await client.ask({ kind: 'stop' });
  return { median: median(delays), late: delays.toSorted((a, b) => a - b)[Math.floor(TIMED * 0.99)] };
}

/** What a process that has just started takes. */
async function firstChannels({ name }) {
  const client = await start(name);
  try {
    return await allChannels(client, 'subscribeAll');
  } finally {
    await client.close();
  }
}

async function manyChannels(client) {
  for (let i = 0; i < WARMING; i++) await allChannels(client, 'subscribeAll');
  return allChannels(client, 'subscribeAll');
}

function heapOfChannels(client) {
  return allChannels(client, 'heapOfAll');
}

async function allChannels(client, kind) {
  const figures = await client.ask({ kind, channels: CHANNELS });
  await client.ask({ kind: 'stop' });
  // what is given up must be gone before the next begins
  await delay(200);
  return figures;
}

function start(name) {
  return ClientProcess.start(name, [name === 'base' ? { ...node, dist: base.dist } : node], WORKER);
}

function report(samples) {
  const names = processes.map(({ name }) => name);
  const head = ['', ...names.map((name) => subscribers[name]?.title ?? `base (${base.hash})`)];
  const figures = SCENARIOS.map(({ title, digits }, i) => [
    title,
    ...names.map((name) => {
      const { median: middle, min, max } = summary(samples[i].get(name));
      return `${number(middle, digits)} (${number(min, digits)}–${number(max, digits)})`;
    }),
  ]);
  console.log(`Median (least–most of ${settings.rounds} rounds)\n\n${table(head, figures)}\n`);
  if (names.includes(BASELINE)) {
    const relations = SCENARIOS.map(({ title }, i) => [
      title,
      ...names.map((name) => ratios(samples[i].get(name), samples[i].get(BASELINE)).median.toFixed(2)),
    ]);
    console.log(`As a multiple of ${BASELINE}, median of the rounds\n\n${table(head, relations)}\n`);
  }
  const loads = { before: loadBefore, after: loadavg()[0] };
  console.log(`Load of the machine: ${loads.before.toFixed(2)} before, ${loads.after.toFixed(2)} after`);
  if (settings.json === undefined) return;
  const results = SCENARIOS.map(({ title }, i) => ({ title, samples: Object.fromEntries(samples[i]) }));
  writeFileSync(settings.json, `${JSON.stringify({ loads, results }, null, 2)}\n`);
}

function number(value, digits) {
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
