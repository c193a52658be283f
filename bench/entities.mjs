// node bench/entities.mjs: repositories beside ioredis by hand and other object mappers. See docs/benchmarks.md.
import { writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { pathToFileURL } from 'node:url';
import { readArguments } from '../scripts/program-arguments.mjs';
import { shutdownSignal } from '../scripts/shutdown.mjs';
import { peers } from './entities/peers.mjs';
import { codecTables, costTables, rateTables, reasons } from './entities/report.mjs';
import { scenarios } from './entities/scenarios.mjs';
import { commandTimes, microsBetween } from './entities/server-time.mjs';
import { buildBase } from './harness/base-build.mjs';
import { ClientProcess } from './harness/client-process.mjs';
import { openCluster, prepare } from './harness/prepare.mjs';

const USAGE = `node bench/entities.mjs [--rounds 5] [--quick] [--only save,findBy] [--peers keyslot,multi] [--compare COMMIT] [--json FILE]`;
const WORKER = new URL('entities/worker.mjs', import.meta.url);
/** Milliseconds of a turn, what is counted of an operation's costs as a share of its scenario's, and codecs' repetitions. */
const MODES = {
  full: { rounds: 9, ms: 300, share: 3, codecs: 100_000 },
  quick: { rounds: 5, ms: 100, share: 1, codecs: 30_000 },
  /** Whether everything works: no figures worth reading. */
  trial: { rounds: 1, ms: 1, share: 0.01, codecs: 100 },
};

/** Our own builds. */
const OURS = ['keyslot', 'base'];

/** How many times as long the first turn of each is: much of a client is compiled anew once it has run for a while. */
const WARM_UP = 5;

const settings = readSettings();
// Its keys stay: no cluster but one of its own.
delete process.env.REDIS_CLUSTER_NODES;
const signal = shutdownSignal();
const absent = [];
await prepare(signal, { peers: settings.peers.some((name) => !OURS.includes(name)) }).catch((error) => {
  if (signal.aborted) throw error;
  // what is missing is told of each
  console.error(`The peers could not be installed: ${error.message}`);
});
if (settings.compare !== undefined) {
  const { dist, hash } = await buildBase(settings.compare, signal);
  console.log(`This tree beside ${hash}`);
  process.env.KEYSLOT_BENCH_BASE = pathToFileURL(dist).href;
}
const loadBefore = loadavg()[0];
const cluster = await openCluster(signal);
const nodes = cluster.seeds;
const processes = [];
try {
  for (const name of settings.peers) await start(name);
  const results = [];
  for (const scenario of settings.scenarios) results.push(await measure(scenario));
  await finish(results);
} finally {
  await Promise.all(processes.map((one) => one.close()));
  await cluster.stop();
}

/** A peer that cannot be loaded has a reason, and no figures. */
async function start(name) {
  signal.throwIfAborted();
  try {
    processes.push(await ClientProcess.start(name, nodes, WORKER));
  } catch (error) {
    absent.push({ name, reason: error.message });
  }
}

/** All rounds of one scenario; in a round the peers take turns, each round another one first. */
async function measure({ name, title, callers, counted }) {
  const able = [];
  for (const peer of processes) if (await peer.check(name)) able.push(peer);
  const samples = new Map(able.map((peer) => [peer.name, []]));
  // the first round warms up, for longer
  for (let round = 0; round <= settings.rounds; round++) {
    for (let turn = 0; turn < able.length; turn++) {
      signal.throwIfAborted();
      const peer = able[(round + turn) % able.length];
      const sample = { costs: await costsOf(peer, name, Math.ceil(counted * settings.share)), rates: {} };
      for (const count of callers)
        sample.rates[count] = await peer.ask({
          kind: 'measure',
          scenario: name,
          callers: count,
          ms: round > 0 ? settings.ms : settings.ms * WARM_UP,
        });
      if (round > 0) samples.get(peer.name).push(sample);
    }
  }
  console.error(`${title}: measured`);
  return { name, title, callers, samples: Object.fromEntries(samples) };
}

/** What one operation costs: round trips, bytes, and time on the servers. */
async function costsOf(peer, scenario, count) {
  const before = await commandTimes(nodes);
  const { roundTrips, sent, received } = await peer.ask({ kind: 'traffic', scenario, count });
  const micros = microsBetween(before, await commandTimes(nodes));
  return {
    roundTrips: roundTrips / count,
    sent: sent / count,
    received: received / count,
    server: micros / count,
  };
}

async function finish(results) {
  const codecs = await codecsOrReason();
  const loads = { before: loadBefore, after: loadavg()[0] };
  console.log(`\n${rateTables(results)}\n\n${costTables(results)}\n`);
  console.log(typeof codecs === 'string' ? `No codecs: ${codecs}\n` : `${codecTables(codecs)}\n`);
  console.log(`${reasons(results, absent)}\n`);
  console.log(`Load of the machine: ${loads.before.toFixed(2)} before, ${loads.after.toFixed(2)} after`);
  if (settings.json === undefined) return;
  const { rounds, ms } = settings;
  writeFileSync(
    settings.json,
    `${JSON.stringify({ loads, rounds, ms, results, codecs, absent }, null, 2)}\n`,
  );
}

async function codecsOrReason() {
  try {
    const { codecTimes } = await import('./entities/codec-times.mjs');
    return codecTimes(settings.rounds, settings.codecs);
  } catch (error) {
    return error.message.split('\n')[0];
  }
}

function readSettings() {
  const known = Object.keys(peers).filter((name) => !peers[name].comparedOnly);
  const { settings: given } = readArguments({
    usage: USAGE,
    options: {
      rounds: { type: 'string', number: { from: 1, whole: true } },
      quick: { type: 'boolean', default: false },
      trial: { type: 'boolean', default: false },
      only: { type: 'string', names: scenarios.map(({ name }) => name) },
      peers: { type: 'string', names: known },
      compare: { type: 'string' },
      json: { type: 'string' },
    },
  });
  const names = given.peers ?? (given.compare === undefined ? known : ['keyslot']);
  const mode = MODES[given.trial ? 'trial' : given.quick ? 'quick' : 'full'];
  return {
    ...mode,
    rounds: given.rounds ?? mode.rounds,
    json: given.json,
    peers: given.compare === undefined ? names : [...names, 'base'],
    compare: given.compare,
    scenarios: (given.only ?? scenarios.map(({ name }) => name)).map((name) =>
      scenarios.find((scenario) => scenario.name === name),
    ),
  };
}
