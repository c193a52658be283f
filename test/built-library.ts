import { execFile } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const cwd = dirname(dirname(fileURLToPath(import.meta.url)));
const BUILD = `import('./scripts/build.mjs').then(({ ensureBuilt }) => ensureBuilt('library'))`;

let built: Promise<unknown> | undefined;

/** Builds the package in `dist/`, unless it is there: for processes and for the compiler, which use it as built. */
export async function libraryBuilt(): Promise<void> {
  built ??= promisify(execFile)(process.execPath, ['-e', BUILD], { cwd });
  await built;
}
