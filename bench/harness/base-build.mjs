import { existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { cache, root } from '../../scripts/paths.mjs';
import { withProgress } from '../../scripts/progress.mjs';
import { run } from '../../scripts/run.mjs';

/**
 * Builds another commit of this repository, with the dependencies that are installed here, to measure it beside this tree.
 * @param {string} commit anything that git understands: a hash, a branch, `HEAD~3`
 * @param {AbortSignal} signal
 * @returns {Promise<{ dist: string, hash: string }>} the file to import
 * @throws {Error} if git does not know the commit, or it cannot be built
 */
export async function buildBase(commit, signal) {
  const hash = await hashOf(commit, signal);
  const folder = join(cache, 'bench-base', hash);
  const dist = join(folder, 'dist', 'index.js');
  if (!existsSync(dist)) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    const tree = join(folder, 'tree.tar');
    await run('git', ['archive', '--output', tree, hash], { signal });
    await run('tar', ['-xf', tree], { cwd: folder, signal });
    rmSync(tree);
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
    await withProgress(`Building ${hash} (npm run build)`, () =>
      run('npm', ['run', 'build'], { cwd: folder, signal }),
    );
  }
  return { dist, hash };
}

async function hashOf(commit, signal) {
  try {
    const output = await run('git', ['rev-parse', '--verify', '--short', `${commit}^{commit}`], { signal });
    return output.trim();
  } catch (error) {
    throw new Error(`--compare takes a commit of this repository, got ${JSON.stringify(commit)}`, {
      cause: error,
    });
  }
}
