// npm run faults, npm run soak: builds the package and the harness of test/faults, and runs it. The harness is compiled
// into .cache, where `keyslot` is this package as it is built.
import { ensureBuilt } from './build.mjs';
import { ensureNodeModules } from './node-modules.mjs';
import { provideClockLibrary } from './clock-library.mjs';
import { provideServer } from './compat-servers.mjs';
import { cache, root } from './paths.mjs';
import { readArguments } from './program-arguments.mjs';
import { ensureRedisServer } from './redis-server.mjs';
import { shutdownSignal } from './shutdown.mjs';
import { join } from 'node:path';

const [name, ...args] = process.argv.slice(2);
const shutdown = shutdownSignal();
process.chdir(root);
await ensureNodeModules(shutdown);
process.env.KEYSLOT_REDIS_SERVER = await ensureRedisServer(shutdown);
await ensureBuilt('library', shutdown);
await ensureBuilt('faults', shutdown);
const provide = (need) => (need === 'clock' ? provideClockLibrary(shutdown) : provideServer(need, shutdown));
try {
  const { program, run } = await import(join(cache, 'faults/faults/harness', `run-${name}.js`));
  // a client that hangs, which is what some are measured for, must not keep the process
  process.exit((await run(readArguments(program, args), shutdown, provide)) ? 0 : 1);
} catch (error) {
  if (!shutdown.aborted) throw error;
  process.exit(130);
}
