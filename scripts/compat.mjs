// npm run compat [-- server … test/path …]: the tests that talk to servers, on one server after the other, and a table.
// Without names, all servers but the optional ones; without paths, all those tests. `-t words` goes to jest.
import { ensureBuilt } from './build.mjs';
import { allPassed, LEFT_OUT, reportOf, rowOf, SUITE } from './compat-report.mjs';
import { provideServer, SERVERS } from './compat-servers.mjs';
import { runJest } from './jest.mjs';
import { ensureNodeModules } from './node-modules.mjs';
import { root } from './paths.mjs';
import { run } from './run.mjs';
import { openCluster } from './shared-cluster.mjs';
import { shutdownSignal } from './shutdown.mjs';

const shutdown = shutdownSignal();
const given = process.env.KEYSLOT_REDIS_SERVER ?? '';
const args = process.argv.slice(2);
const named = args.filter((arg) => arg in SERVERS);
const others = args.filter((arg) => !(arg in SERVERS));
const servers = named.length > 0 ? named : Object.keys(SERVERS).filter((name) => !SERVERS[name].optional);
const paths = others.some((arg) => arg.startsWith('test/')) ? others : [...SUITE, ...others];
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
      [...paths, '--testPathIgnorePatterns=/node_modules/', ...leftOut],
      { REDIS_CLUSTER_NODES: cluster.nodes },
      shutdown,
    );
    return rowOf(server, version, report, root);
  } finally {
    await cluster.stop();
  }
}
