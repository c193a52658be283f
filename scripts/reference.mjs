// npm run reference: the pages of all public names, from the comments in lib/, into docs/reference/index.html.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ensureNodeModules } from './node-modules.mjs';
import { root } from './paths.mjs';
import { readArguments } from './program-arguments.mjs';
import { withProgress } from './progress.mjs';
import { run } from './run.mjs';
import { shutdownSignal } from './shutdown.mjs';

readArguments({ usage: 'npm run reference', options: {} });
const folder = join(root, 'scripts', 'reference');
const typedoc = join(folder, 'node_modules', 'typedoc', 'bin', 'typedoc');
const signal = shutdownSignal();

await ensureNodeModules(signal);
if (!existsSync(typedoc)) {
  await withProgress('Installing typedoc (npm install)', () =>
    run('npm', ['install', '--no-save', '--no-audit', '--no-fund', '--ignore-scripts'], {
      cwd: folder,
      signal,
    }),
  );
}
try {
  // where a public name has no comment, or a link leads nowhere, this fails
  await withProgress('Writing docs/reference', () =>
    run(process.execPath, [typedoc, '--options', join(folder, 'typedoc.json')], { signal }),
  );
} catch (error) {
  console.error(error.output ?? error.message);
  process.exitCode = 1;
}
