import { existsSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
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
    const source = `${folder}-source`;
    for (const one of [folder, source]) {
      rmSync(one, { recursive: true, force: true });
      mkdirSync(one, { recursive: true });
      symlinkSync(join(root, 'node_modules'), join(one, 'node_modules'));
    }
    const tree = join(source, 'tree.tar');
    await run('git', ['archive', '--output', tree, hash], { signal });
    await run('tar', ['-xf', tree], { cwd: source, signal });
    await withProgress(`Building ${hash} (npm run build)`, () =>
      run('npm', ['run', 'build'], { cwd: source, signal }),
    );
    // nothing else is kept: jest would find a second package of our name in its package.json
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }\n');
    renameSync(join(source, 'dist'), join(folder, 'dist'));
    rmSync(source, { recursive: true });
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
