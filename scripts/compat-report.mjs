import { relative } from 'node:path';

/** What npm run compat runs: what talks to servers. */
export const SUITE = ['test/cluster', 'test/e2e'];

/** What it leaves out, and why: files of the suite, and the other folders of test/. */
export const LEFT_OUT = {
  'test/browser': 'is about the dashboard in a browser',
  'test/cli': 'is about the program keyslot, which starts servers of its own',
  'test/e2e/package.test.ts': 'is about the files of the package, and starts no server',
  'test/e2e/package-formats.test.ts': 'is about the files of the package, and installs them from a registry',
  'test/docs': 'is about links and names in the pages; their code is in test/cluster and test/e2e',
  'test/dropin': 'is about other packages, which choose their servers themselves',
  'test/faults': 'is measured on one server; npm run faults takes another from KEYSLOT_REDIS_SERVER',
  'test/memory': 'compares the cluster in memory with Redis 7.0, whose replies it has',
  'test/neighbours': 'is about other packages, which choose their servers themselves',
  'test/simulation': 'simulates its servers',
  'test/types': 'is for the compiler',
  'test/unit': 'starts no server',
};

/**
 * A row of the table, from what jest reports.
 * @param {string} server
 * @param {string} version as the server tells it
 * @param {import('@jest/test-result').FormattedTestResults} report
 * @param {string} root the repository's folder
 */
export function rowOf(server, version, report, root) {
  const files = report.testResults.map(({ name, status, message, assertionResults }) => ({
    file: relative(root, name),
    tests: assertionResults,
    // jest has no tests of a file that could not be loaded
    broken: status === 'failed' && assertionResults.every((test) => test.status !== 'failed'),
    message,
  }));
  const having = (...statuses) =>
    files.flatMap(({ file, tests }) =>
      tests.filter(({ status }) => statuses.includes(status)).map(({ fullName }) => `${file}: ${fullName}`),
    );
  const failures = [
    ...having('failed'),
    ...files.filter(({ broken }) => broken).map((each) => `${each.file}: could not be run`),
  ];
  return {
    server,
    version,
    files: files.length,
    passed: having('passed').length,
    failures,
    skipped: having('pending', 'todo', 'skipped', 'disabled'),
  };
}

/** Whether every test of every server has passed. */
export function allPassed(rows) {
  return rows.every(
    ({ passed, failures, skipped }) => passed > 0 && failures.length === 0 && skipped.length === 0,
  );
}

/** The table, then every test that failed or was skipped by its name, then what was left out. */
export function reportOf(rows) {
  const cells = [
    ['server', 'version', 'files', 'passed', 'failed', 'skipped'],
    ...rows.map((row) => [
      row.server,
      row.version,
      row.files,
      row.passed,
      row.failures.length,
      row.skipped.length,
    ]),
  ].map((line) => line.map(String));
  const widths = cells[0].map((_, i) => Math.max(...cells.map((line) => line[i].length)));
  const lines = cells.map((line) => `| ${line.map((cell, i) => cell.padEnd(widths[i])).join(' | ')} |`);
  lines.splice(1, 0, `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`);
  const named = rows.flatMap(({ server, failures, skipped }) => [
    ...failures.map((test) => `failed on ${server}: ${test}`),
    ...skipped.map((test) => `skipped on ${server}: ${test}`),
  ]);
  const leftOut = Object.entries(LEFT_OUT).map(([path, reason]) => `not run: ${path}, which ${reason}`);
  return [lines.join('\n'), ...[named, leftOut].map((part) => part.join('\n'))]
    .filter((part) => part !== '')
    .join('\n\n');
}
