// npm start: installs what is missing, builds, starts a cluster and the sample application. Ctrl-C ends all of it.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { ensureBuilt } from './build.mjs';
import { freePort } from './free-port.mjs';
import { ensureNodeModules } from './node-modules.mjs';
import { root } from './paths.mjs';
import { readArguments } from './program-arguments.mjs';
import { ensureRedisServer } from './redis-server.mjs';
import { shutdownSignal } from './shutdown.mjs';

const DEFAULT_PORT = 3000;
const CLOSE_MS = 15_000;

readArguments({
  usage: `npm start
PORT chooses the port of the application (default ${DEFAULT_PORT}), and REDIS_CLUSTER_NODES a cluster of yours`,
  options: {},
});
const shutdown = shutdownSignal();
try {
  process.exitCode = await start();
} catch (error) {
  if (shutdown.aborted) process.exitCode = 130;
  else {
    console.error(`\n${error.message}${error.output ? `\n${error.output.trimEnd()}` : ''}`);
    process.exitCode = 1;
  }
}

async function start() {
  const wanted = wantedPort();
  await ensureNodeModules(shutdown);
  await ensureBuilt('library', shutdown);
  await ensureBuilt('sample', shutdown);
  const given = process.env.REDIS_CLUSTER_NODES?.trim();
  const settings = given
    ? { REDIS_CLUSTER_NODES: given }
    : { KEYSLOT_REDIS_SERVER: await ensureRedisServer(shutdown) };
  if (given) console.log(`Using the Redis Cluster at ${given}`);
  const port = await freePort(wanted);
  if (port !== wanted) console.log(`Port ${wanted} is taken; using ${port}`);
  return runApplication(given ? 'main' : 'demo-main', { ...settings, PORT: String(port) });
}

function wantedPort() {
  const port = Number(process.env.PORT || DEFAULT_PORT);
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port;
  throw new Error('PORT must be a whole number from 1 to 65535');
}

/** Runs until the application ends, or until we are told to end, which it is then given time for. */
function runApplication(program, settings) {
  shutdown.throwIfAborted();
  return new Promise((resolve, reject) => {
    // in a group of its own, so that the terminal's Ctrl-C comes to us alone and the ending has an order
    const app = spawn(process.execPath, [join(root, 'scripts', 'run-app.mjs'), program], {
      cwd: root,
      env: { ...process.env, ...settings },
      detached: true,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    let killed = false;
    shutdown.addEventListener('abort', () => {
      app.kill('SIGTERM');
      setTimeout(() => {
        killed = app.kill('SIGKILL');
      }, CLOSE_MS).unref();
    });
    // a second signal ends us at once, and it must not outlive us
    process.once('exit', () => app.kill('SIGKILL'));
    app.once('error', reject);
    app.once('exit', (code) => resolve(shutdown.aborted && !killed ? 0 : (code ?? 1)));
  });
}
