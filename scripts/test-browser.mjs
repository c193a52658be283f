// npm run test:browser: the dashboard and the demo in a headless Chromium. It is not part of npm test, which needs no browser.
// Further arguments go to jest. The last line is "N passed, N failed".
import { ensureChromium } from './chromium.mjs';
import { runJest } from './jest.mjs';
import { ensureNodeModules } from './node-modules.mjs';
import { ensureRedisServer } from './redis-server.mjs';
import { shutdownSignal } from './shutdown.mjs';

const shutdown = shutdownSignal();
try {
  await ensureNodeModules(shutdown);
  const settings = {
    KEYSLOT_REDIS_SERVER: await ensureRedisServer(shutdown),
    KEYSLOT_CHROMIUM: await ensureChromium(shutdown),
  };
  // last, as it would take further arguments for more of its patterns
  const args = [...process.argv.slice(2), '--testMatch', '**/test/browser/*.browser.ts'];
  const { code, report } = await runJest(args, settings, shutdown);
  const failed = report.numFailedTests + report.numRuntimeErrorTestSuites;
  console.log(`${report.numPassedTests} passed, ${failed} failed`);
  process.exitCode = code === 0 && report.numPassedTests > 0 ? 0 : 1;
} catch (error) {
  console.error(`\n${error.message}${error.output ? `\n${error.output.trimEnd()}` : ''}`);
  process.exitCode = 1;
}
