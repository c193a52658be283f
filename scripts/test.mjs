// npm test: installs what is missing, checks the code, builds, starts a cluster and runs jest against it. Further
// arguments go to jest. The last line is "N passed, N failed".
import { ensureBuilt } from './build.mjs';
import { runJest } from './jest.mjs';
import { ensureNodeModules } from './node-modules.mjs';
import { withProgress } from './progress.mjs';
import { ensureRedisServer } from './redis-server.mjs';
import { run } from './run.mjs';
import { openCluster } from './shared-cluster.mjs';
import { shutdownSignal } from './shutdown.mjs';

const CHECKS = [
  ['Type check', 'typecheck'],
  ['Lint', 'lint'],
  ['Formatting', 'format:check'],
];

const shutdown = shutdownSignal();
const count = { passed: 0, failed: 0 };
try {
  await test(process.argv.slice(2));
} catch (error) {
  count.failed++;
  console.error(`\n${error.message}${error.output ? `\n${error.output.trimEnd()}` : ''}`);
}
console.log(`${count.passed} passed, ${count.failed} failed`);
process.exitCode = count.failed === 0 ? 0 : 1;

async function test(jestArguments) {
  await ensureNodeModules(shutdown);
  // a given cluster does not spare it: some tests start clusters of their own
  process.env.KEYSLOT_REDIS_SERVER = await ensureRedisServer(shutdown);
  await checkCode();
  await ensureBuilt('library', shutdown);
  const cluster = await openCluster(shutdown);
  try {
    const settings = { REDIS_CLUSTER_NODES: cluster.nodes, KEYSLOT_TEST_BUILT: '1' };
    const { passed, failed } = await jest(jestArguments, settings);
    count.passed += passed;
    count.failed += failed;
  } finally {
    await cluster.stop();
  }
}

/** Makes all checks at once: formatting takes longest, and keeps one core busy. */
async function checkCode() {
  const titles = CHECKS.map(([title]) => title).join(', ');
  const results = await withProgress(titles, () => Promise.all(CHECKS.map(check)));
  console.log(results.join('\n'));
}

/** @returns {Promise<string>} what to print */
async function check([title, script]) {
  try {
    await run('npm', ['run', '--silent', script], { signal: shutdown });
    count.passed++;
    return `${title}: passed`;
  } catch (error) {
    shutdown.throwIfAborted();
    count.failed++;
    return `${title}: failed\n${error.output}`;
  }
}

/** @returns {Promise<{ passed: number, failed: number }>} a file that could not be run counts as a failed test */
async function jest(args, settings) {
  const { code, report } = await runJest(args, settings, shutdown);
  const failed = report.numFailedTests + report.numRuntimeErrorTestSuites;
  return { passed: report.numPassedTests, failed: code === 0 ? failed : Math.max(failed, 1) };
}
