import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cache, root } from './paths.mjs';
import { withProgress } from './progress.mjs';
import { run } from './run.mjs';

const SHARED = [
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'tsconfig.build.json',
  'tsconfig.modules.json',
  'scripts/bundle.mjs',
  'lib',
];

/** What is built by which npm script, from what. */
const BUILDS = {
  library: { script: 'build', from: SHARED, output: 'dist/index.js' },
  faults: {
    script: 'build:faults',
    from: [...SHARED, 'test/faults/harness', 'test/simulation/checker', 'test/simulation/entities'],
    output: '.cache/faults/faults/harness/run-faults.js',
  },
  sample: { script: 'build:sample', from: [...SHARED, 'sample-app'], output: 'sample-app/dist/main.js' },
};

/**
 * Builds unless nothing has changed since the last time that it worked.
 * @param {keyof typeof BUILDS} name
 * @param {AbortSignal} [signal]
 */
export async function ensureBuilt(name, signal) {
  const { script, from, output } = BUILDS[name];
  const record = join(cache, `built-${name}`);
  // taken before the build: what changes meanwhile is built next time
  const state = from.flatMap(filesIn).join('\n');
  if (existsSync(join(root, output)) && existsSync(record) && readFileSync(record, 'utf8') === state) return;
  await withProgress(`Building (npm run ${script})`, () => run('npm', ['run', script], { signal }));
  mkdirSync(cache, { recursive: true });
  writeFileSync(record, state);
}

/** The files in a file or folder, each with its size and time. */
function filesIn(path) {
  const found = statSync(join(root, path));
  if (!found.isDirectory()) return [`${path} ${found.size} ${found.mtimeMs}`];
  const names = readdirSync(join(root, path)).filter((name) => name !== 'dist' && name !== 'node_modules');
  return names.toSorted().flatMap((name) => filesIn(`${path}/${name}`));
}
