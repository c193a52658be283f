// npm run simulate: runs random schedules of faults and calls on a simulated cluster, with virtual time. A schedule that
// fails is made smaller, and printed as an entry for test/simulation/failed-once.ts. With --entities the callers use
// repositories and transactions; with --mixed they also use several keys, values that expire, blocking calls and messages.
// With --planted it plants faults into copies of the client instead, and reports after how many schedules each of them was
// noticed. With --verify N it runs N schedules twice, and compares what happened in them by its hash.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureNodeModules } from './node-modules.mjs';
import { root } from './paths.mjs';
import { ArgumentError, checkName, orEnd, readArguments } from './program-arguments.mjs';
import { shutdownSignal } from './shutdown.mjs';

const USAGE = `npm run simulate -- [--seed 1] [--schedules 1000 | --minutes M] [--entities | --mixed]
npm run simulate -- --verify N [--seed 1]        N schedules, twice each
npm run simulate -- --planted [fault…]           faults in the client's own code`;
const FROM_0 = { type: 'string', number: { from: 0 } };
const WHOLE = { type: 'string', number: { from: 0, whole: true } };

const { settings, names } = readArguments({
  usage: USAGE,
  options: {
    seed: { ...WHOLE, default: '1' },
    schedules: WHOLE,
    minutes: FROM_0,
    planted: { type: 'boolean', default: false },
    entities: { type: 'boolean', default: false },
    mixed: { type: 'boolean', default: false },
    verify: WHOLE,
  },
  names: 'any',
});
if (!settings.planted) orEnd(USAGE, () => names.forEach((name) => checkName(name, [], 'argument')));

const options = {
  seed: settings.seed,
  schedules: settings.schedules ?? (settings.minutes === undefined ? 1_000 : Infinity),
  minutes: settings.minutes ?? 60,
  callers: settings.entities ? 'entities' : settings.mixed ? 'mixed' : 'commands',
};

const shutdown = shutdownSignal();
process.chdir(root);
await ensureNodeModules(shutdown);
const { compileSimulation, plant, removeTree } = await import('./simulation-tree.mjs');
const tree = compileSimulation('tree');
const trees = [tree];
const load = (folder, file) => import(pathToFileURL(join(folder, 'test/simulation', file)).href);
let isFine = true;
try {
  if (settings.planted) await runPlanted();
  else if (settings.verify !== undefined) await runTwice();
  else await runSchedules();
} catch (error) {
  if (!(error instanceof ArgumentError)) throw error;
  console.error(error.message);
  isFine = false;
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
  const wanted = settings.verify;
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
  const known = all.map(({ name }) => name);
  for (const name of names) checkName(name, known, 'planted fault');
  const chosen = all.filter(({ name }) => names.length === 0 || names.includes(name));
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
