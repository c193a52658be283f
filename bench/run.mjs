// node bench/run.mjs: measures Keyslot beside other clients on one cluster.
import { writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { pathToFileURL } from 'node:url';
import { readArguments } from '../scripts/program-arguments.mjs';
import { shutdownSignal } from '../scripts/shutdown.mjs';
import { clients } from './clients.mjs';
import { buildBase } from './harness/base-build.mjs';
import { ClientProcess } from './harness/client-process.mjs';
import { nodeCommand } from './harness/node-command.mjs';
import { clientVersions, openCluster, prepare } from './harness/prepare.mjs';
import { means, report, resultsOf } from './harness/results.mjs';
import { shortfalls } from './harness/targets.mjs';
import { load, unload } from './harness/workload.mjs';
import { chosenScenarios, scenarioWords } from './scenarios.mjs';

const USAGE = `node bench/run.mjs [--rounds 5] [--quick] [--only get,pipe] [--clients keyslot,ioredis] [--compare COMMIT] [--json FILE]`;
/** Turns of a client in a round, and how long each is. */
const FULL = { rounds: 5, turns: 10, ms: 50 };
const QUICK = { rounds: 3, turns: 3, ms: 50 };

/** Our own builds. */
const OURS = ['keyslot', 'base'];

const settings = readSettings();
const signal = shutdownSignal();
await prepare(signal, { peers: settings.clients.some((name) => !OURS.includes(name)) });
if (settings.compare !== undefined) {
  const { dist, hash } = await buildBase(settings.compare, signal);
  console.log(`This tree beside ${hash}\n`);
  process.env.KEYSLOT_BENCH_BASE = pathToFileURL(dist).href;
}
const { ClusterClient } = await import('../dist/index.js');
const cluster = await openCluster(signal);
try {
  await main();
} catch (error) {
  if (!signal.aborted) throw error;
  process.exitCode = 130;
} finally {
  await cluster.stop();
}

async function main() {
  const owner = new ClusterClient({ nodes: cluster.seeds });
  await owner.connect();
  const nodes = owner.topology.primaries.map(({ host, port }) => ({ host, port }));
  const machine = await describeMachine(nodes);
  console.log(headline(machine));
  await load(owner);
  const processes = [];
  try {
    for (const name of settings.clients) processes.push(await ClientProcess.start(name, nodes));
    const results = [];
    for (const scenario of settings.scenarios) results.push(...(await measure(scenario, processes)));
    finish(machine, results);
  } finally {
    await Promise.all(processes.map((client) => client.close()));
    await unload(owner);
    await owner.close();
  }
}

/**
 * All rounds of one scenario. In a round all clients take turns, short ones and several, each time another one first: what
 * else the machine does for a while then hits all of them.
 */
async function measure(scenario, processes) {
  const able = [];
  for (const client of processes) {
    if (!(await client.check(scenario.name))) continue;
    able.push(client);
    // once to warm up
    await turnOf(client, scenario, settings.ms * settings.turns);
  }
  const rounds = [];
  for (let round = 0; round < settings.rounds; round++) {
    const turns = new Map(able.map(({ name }) => [name, []]));
    for (let turn = 0; turn < (scenario.more ? settings.turns : 1); turn++) {
      for (let i = 0; i < able.length; i++) {
        signal.throwIfAborted();
        const client = able[(round + turn + i) % able.length];
        turns.get(client.name).push(await turnOf(client, scenario, settings.ms));
      }
    }
    rounds.push(turns);
  }
  const results = resultsOf(scenario, rounds, settings.baseline);
  console.error(`${scenario.title}: ${results.map(progressOf).join(', ')}`);
  return results;
}

/** A client that fails says something as well, and does not end the run. */
async function turnOf(client, { name }, ms) {
  try {
    return await client.measure(name, ms);
  } catch (error) {
    return { failure: error.message.split('\n')[0] };
  }
}

function progressOf({ client, median, unit, ratio, failure }) {
  if (failure !== undefined) return `${client} failed`;
  if (unit === 'keys/s')
    return ratio === undefined
      ? `${client} ${Math.round(median)}/s`
      : `${client} ${ratio.median.toFixed(2)}x`;
  return `${client} ${median.toFixed(unit === 'ms' ? 1 : 0)} ${unit}`;
}

function finish(machine, results) {
  const missed = settings.compare === undefined ? shortfalls(results) : [];
  console.log(`\n${report(settings.scenarios, results, settings.baseline)}\n`);
  if (settings.scenarios.some(({ uses }) => uses === 'pipeline' || uses === 'mget')) {
    console.log(`How many keys are read at once\n\n${means(results)}\n`);
  }
  for (const { client, scenario, failure } of results) {
    if (failure !== undefined) console.log(`${client} failed in ${scenario}: ${failure}\n`);
  }
  if (settings.compare === undefined) {
    console.log(
      missed.length === 0
        ? 'Nothing falls short.'
        : `Falls short:\n${missed.map((text) => `- ${text}`).join('\n')}`,
    );
  }
  machine.loadAfter = loadavg()[0];
  console.log(
    `\nLoad of the machine: ${machine.loadBefore.toFixed(2)} before, ${machine.loadAfter.toFixed(2)} after`,
  );
  if (settings.json === undefined) return;
  const { rounds, turns, ms } = settings;
  writeFileSync(
    settings.json,
    `${JSON.stringify({ machine, rounds, turns, ms, baseline: settings.baseline, results, shortfalls: missed }, null, 2)}\n`,
  );
}

async function describeMachine(nodes) {
  const info = await nodeCommand(nodes[0], 'INFO server');
  const cores = cpus();
  return {
    date: new Date().toISOString(),
    node: process.version,
    server: /(?:valkey|redis)_version:\S+/.exec(info)?.[0] ?? 'unknown',
    primaries: nodes.length,
    cpu: cores[0]?.model ?? 'unknown',
    cores: cores.length,
    clients: clientVersions(),
    loadBefore: loadavg()[0],
  };
}

function headline({ node, server, primaries, cpu, cores, clients: versions }) {
  const peers = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return `Node.js ${node}, ${server}, ${primaries} primaries, ${cores} cores (${cpu})\n${peers.join(', ')}\n`;
}

function readSettings() {
  const known = Object.keys(clients).filter((name) => !clients[name].comparedOnly);
  const { settings: given } = readArguments({
    usage: USAGE,
    options: {
      rounds: { type: 'string', number: { from: 1, whole: true } },
      quick: { type: 'boolean', default: false },
      only: { type: 'string', names: scenarioWords },
      clients: { type: 'string', names: known },
      compare: { type: 'string' },
      json: { type: 'string' },
    },
  });
  const defaults = given.quick ? QUICK : FULL;
  const names = given.clients ?? (given.compare === undefined ? known : ['keyslot']);
  return {
    scenarios: chosenScenarios(given.only),
    clients: given.compare === undefined ? names : [...names, 'base'],
    compare: given.compare,
    baseline: given.compare === undefined ? 'ioredis' : 'base',
    json: given.json,
    ...defaults,
    rounds: given.rounds ?? defaults.rounds,
  };
}
