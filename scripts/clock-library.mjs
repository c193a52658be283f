import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { unpackFromDebian } from './debian-packages.mjs';
import { cache, root } from './paths.mjs';
import { withProgress } from './progress.mjs';
import { run } from './run.mjs';

const SOURCE = join(root, 'test', 'faults', 'harness', 'servers', 'clock.c');
const COMPILER = 'tcc';
/** An old suite: its programs run with the libc of later ones, too. */
const SUITES = ['bookworm'];

/**
 * Provides the library that gives a server another clock (LD_PRELOAD). A small compiler, a Debian package that is
 * unpacked into our cache, compiles it, so no compiler has to be installed.
 * @param {AbortSignal} [signal]
 * @returns {Promise<string>} the path of the library
 */
export async function provideClockLibrary(signal) {
  const folder = join(cache, 'servers', COMPILER);
  if (!existsSync(folder)) {
    const staging = `${folder}-${process.pid}`;
    mkdirSync(join(staging, 'root'), { recursive: true });
    try {
      await withProgress(`Downloading ${COMPILER} from Debian ${SUITES.at(-1)}`, () =>
        unpackFromDebian(staging, COMPILER, SUITES, (name) => name === COMPILER, signal),
      );
      renameSync(staging, folder);
    } finally {
      rmSync(staging, { recursive: true, force: true });
    }
  }
  const library = join(cache, 'servers', 'clock.so');
  const compiler = join(folder, 'root', 'usr', 'bin', COMPILER);
  await run(compiler, ['-shared', '-nostdlib', '-o', library, SOURCE], { signal });
  return library;
}
