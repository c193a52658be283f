// npm run compat [-- server … test/path …]: the tests that talk to servers, on one server after the other, and a table.
// Without names, all servers but the optional ones; without paths, all those tests. Options such as `-t=words` go to jest.
import { ensureBuilt } from './build.mjs';
import { choiceOf, USAGE } from './compat-choice.mjs';
import { allPassed, LEFT_OUT, reportOf, rowOf } from './compat-report.mjs';
import { provideServer } from './compat-servers.mjs';
import { runJest } from './jest.mjs';
import { ensureNodeModules } from './node-modules.mjs';
import { root } from './paths.mjs';
import { orEnd } from './program-arguments.mjs';
import { run } from './run.mjs';
import { openCluster } from './shared-cluster.mjs';
import { shutdownSignal } from './shutdown.mjs';

const shutdown = shutdownSignal();
const given = process.env.KEYSLOT_REDIS_SERVER ?? '';
const { servers, jestArguments } = orEnd(USAGE, () => choiceOf(process.argv.slice(2)));
// the servers are ours to choose
delete process.env.REDIS_CLUSTER_NODES;

const rows = [];
try {
  await ensureNodeModules(shutdown);
  await ensureBuilt('library', shutdown);
  for (const server of servers) rows.push(await runOn(server));
} catch (error) {
  console.error(`\n${error.message}${error.output ? `\n${error.output.trimEnd()}` : ''}`);
}
if (rows.length > 0) console.log(`\n${reportOf(rows)}`);
process.exitCode = rows.length === servers.length && allPassed(rows) ? 0 : 1;

async function runOn(server) {
  process.env.KEYSLOT_REDIS_SERVER = given; // and not the one of the server before
  const program = await provideServer(server, shutdown);
  const version = / v=(\S+)/.exec(await run(program, ['--version'], { signal: shutdown }))?.[1] ?? 'unknown';
  console.log(`\n${server}: version ${version}`);
  process.env.KEYSLOT_REDIS_SERVER = program;
  const cluster = await openCluster(shutdown);
  try {
    const leftOut = Object.keys(LEFT_OUT).map((path) => `--testPathIgnorePatterns=/${path}`);
    const { report } = await runJest(
      [...jestArguments, '--testPathIgnorePatterns=/node_modules/', ...leftOut],
      { REDIS_CLUSTER_NODES: cluster.nodes },
      shutdown,
    );
    return rowOf(server, version, report, root);
  } finally {
    await cluster.stop();
  }
}
