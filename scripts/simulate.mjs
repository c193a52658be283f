// npm run simulate: runs random schedules of faults and calls on a simulated cluster, with virtual time. A schedule that
// fails is made smaller, and printed as an entry for test/simulation/failed-once.ts. With --entities the callers use
// repositories and transactions; with --mixed they also use several keys, values that expire, blocking calls and messages.
// With --planted it plants faults into copies of the client instead, and reports after how many schedules each of them was
// noticed. With --verify N it runs N schedules twice, and compares what happened in them by its hash.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { ensureNodeModules } from './node-modules.mjs';
import { root } from './paths.mjs';
import { shutdownSignal } from './shutdown.mjs';

const shutdown = shutdownSignal();
process.chdir(root);
await ensureNodeModules(shutdown);
const { compileSimulation, plant, removeTree } = await import('./simulation-tree.mjs');

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: 'string', default: '1' },
    schedules: { type: 'string' },
    minutes: { type: 'string' },
    planted: { type: 'boolean', default: false },
    entities: { type: 'boolean', default: false },
    mixed: { type: 'boolean', default: false },
    verify: { type: 'string' },
  },
});
const numberOf = (name, otherwise) => {
  const value = Number(values[name] ?? otherwise);
  if (Number.isFinite(value) && value >= 0) return value;
  console.error(`--${name} must be a number from 0 on, got ${values[name]}`);
  process.exit(2);
};
const options = {
  seed: numberOf('seed', 1),
  schedules: numberOf('schedules', values.minutes === undefined ? 1_000 : Infinity),
  minutes: numberOf('minutes', 60),
  callers: values.entities ? 'entities' : values.mixed ? 'mixed' : 'commands',
};

const tree = compileSimulation('tree');
const trees = [tree];
const load = (folder, file) => import(pathToFileURL(join(folder, 'test/simulation', file)).href);
let isFine = true;
try {
  if (values.planted) await runPlanted();
  else if (values.verify !== undefined) await runTwice();
  else await runSchedules();
} finally {
  for (const one of trees) removeTree(one);
}
process.exit(isFine ? 0 : 1);

async function runSchedules() {
  const { simulate } = await load(tree, 'simulate.js');
  const { schedules, milliseconds, cpuMilliseconds, failed } = await simulate(
    options,
    () => shutdown.aborted,
  );
  const [perMinute, perMinuteOfCpu] = [milliseconds, cpuMilliseconds].map((ms) =>
    Math.round((schedules / ms) * 60_000),
  );
  console.log(
    `${schedules} schedules from seed ${options.seed} on, ${perMinute} a minute (${perMinuteOfCpu} a minute of CPU time): ${failed.size} failed`,
  );
  for (const text of failed.values()) console.log(`\n${text}`);
  isFine = failed.size === 0 && !shutdown.aborted;
}

async function runTwice() {
  const { verify } = await load(tree, 'simulate.js');
  const wanted = numberOf('verify', 0);
  const { schedules, different } = await verify({ ...options, schedules: wanted }, () => shutdown.aborted);
  console.log(
    `${schedules - different.length} of ${schedules} schedules took the same course twice, from seed ${options.seed} on`,
  );
  if (different.length > 0) console.log(`other courses: seeds ${different.join(', ')}`);
  isFine = different.length === 0 && schedules === wanted;
}

async function runPlanted() {
  const { PLANTED_FAULTS } = await load(tree, 'planted/planted-faults.js');
  // a seed that fails without anything planted proves nothing
  const unchanged = await load(tree, 'planted/first-failure.js');
  const { ENTITY_FAULTS } = await load(tree, 'planted/entity-faults.js');
  const isSoundWith = (callers) => async (seed) =>
    (await unchanged.firstFailure(1, seed, () => false, undefined, callers)) === undefined;
  const { MIXED_FAULTS } = await load(tree, 'planted/mixed-faults.js');
  const all = [...PLANTED_FAULTS, ...MIXED_FAULTS, ...ENTITY_FAULTS];
  const unknown = positionals.filter((name) => !all.some((fault) => fault.name === name));
  if (unknown.length > 0) throw new Error(`No planted fault has this name: ${unknown.join(', ')}`);
  const chosen = all.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
  for (const fault of chosen) {
    if (shutdown.aborted) break;
    const copy = plant(tree, fault);
    trees.push(copy);
    const { firstFailure } = await load(copy, 'planted/first-failure.js');
    const isStopped = () => shutdown.aborted;
    const { schedules, callers } = fault;
    const found = await firstFailure(schedules, options.seed, isStopped, isSoundWith(callers), callers);
    if (found === undefined) isFine = false;
    if (found === undefined && shutdown.aborted) break;
    console.log(
      found === undefined
        ? `${fault.name}: NOT noticed in ${fault.schedules} schedules`
        : `${fault.name}: noticed in schedule ${found.count}: ${found.what}`,
    );
    removeTree(copy);
  }
}
