import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './paths.mjs';
import { withProgress } from './progress.mjs';
import { run } from './run.mjs';

// Not `npm ci`, which starts over: this keeps to the lock file as well, and repairs what is there.
const INSTALL = ['install', '--no-save', '--include=dev', '--no-audit', '--no-fund'];

/**
 * Installs packages, unless what is installed is what package-lock.json asks for.
 * @param {AbortSignal} [signal]
 */
export async function ensureNodeModules(signal) {
  if (isInstalled()) return;
  await withProgress('Installing packages (npm install)', () => run('npm', INSTALL, { signal }));
}

/** npm leaves a list of what it has installed; an installation that broke off has none. */
function isInstalled() {
  const wanted = packagesIn('package-lock.json');
  const found = packagesIn('node_modules/.package-lock.json');
  return Object.entries(wanted).every(
    ([path, { version, optional, devOptional }]) =>
      path === '' || optional || devOptional || found[path]?.version === version,
  );
}

function packagesIn(file) {
  try {
    return JSON.parse(readFileSync(join(root, file), 'utf8')).packages;
  } catch {
    return {};
  }
}
