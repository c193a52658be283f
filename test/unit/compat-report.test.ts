import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../docs-snippets.js';

interface Row {
  readonly files: number;
  readonly passed: number;
  readonly failures: readonly string[];
  readonly skipped: readonly string[];
}

interface Report {
  readonly SUITE: readonly string[];
  readonly LEFT_OUT: Readonly<Record<string, string>>;
  rowOf(server: string, version: string, report: object, root: string): Row;
  reportOf(rows: readonly Row[]): string;
  allPassed(rows: readonly Row[]): boolean;
}

/** As jest reports a file. */
const file = (name: string, ...statuses: string[]): object => ({
  name: `/here/test/${name}`,
  status: statuses.every((status) => status === 'passed') && statuses.length > 0 ? 'passed' : 'failed',
  message: '',
  assertionResults: statuses.map((status, i) => ({ status, fullName: `${status} ${i}` })),
});

describe('the report of npm run compat', () => {
  let report: Report;
  let row: (...files: object[]) => Row;

  beforeAll(async () => {
    report = (await import(join(root, 'scripts', 'compat-report.mjs'))) as Report;
    row = (...files) => report.rowOf('redis-9.9', '9.9.1', { testResults: files }, '/here');
  });

  it('counts tests and files', () => {
    expect(row(file('a.test.ts', 'passed', 'passed'), file('b.test.ts', 'passed'))).toMatchObject({
      files: 2,
      passed: 3,
      failures: [],
      skipped: [],
    });
  });

  it('names failures, skipped tests, and files that could not run', () => {
    const bad = row(file('a.test.ts', 'passed', 'failed', 'pending', 'todo'), file('b.test.ts'));
    expect(bad).toMatchObject({
      passed: 1,
      failures: ['test/a.test.ts: failed 1', 'test/b.test.ts: could not be run'],
      skipped: ['test/a.test.ts: pending 2', 'test/a.test.ts: todo 3'],
    });
    const lines = report.reportOf([row(file('a.test.ts', 'passed')), bad]).split('\n');
    expect(lines.slice(0, 4)).toEqual([
      '| server    | version | files | passed | failed | skipped |',
      '| --------- | ------- | ----- | ------ | ------ | ------- |',
      '| redis-9.9 | 9.9.1   | 1     | 1      | 0      | 0       |',
      '| redis-9.9 | 9.9.1   | 2     | 1      | 2      | 2       |',
    ]);
    expect(lines).toEqual(
      expect.arrayContaining([
        'failed on redis-9.9: test/b.test.ts: could not be run',
        'skipped on redis-9.9: test/a.test.ts: todo 3',
      ]),
    );
  });

  it.each<[string, object[], boolean]>([
    ['passed', [file('a.test.ts', 'passed')], true],
    ['failed', [file('a.test.ts', 'passed', 'failed')], false],
    ['was skipped', [file('a.test.ts', 'passed', 'pending')], false],
    ['could not be run', [file('a.test.ts', 'passed'), file('b.test.ts')], false],
    ['was run', [], false],
  ])('is good only if everything has passed: %s', (_, files, good) => {
    expect(report.allPassed([row(...files)])).toBe(good);
  });

  it('states for every test folder and file whether it is run', () => {
    const folders = readdirSync(join(root, 'test'), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => `test/${name}`);
    const leftOut = Object.keys(report.LEFT_OUT);
    expect([...report.SUITE, ...leftOut.filter((path) => !path.endsWith('.ts'))].toSorted()).toEqual(
      folders.toSorted(),
    );
    for (const path of leftOut) expect(readdirSync(join(root, path, '..'))).toContain(path.split('/').at(-1));
    const text = report.reportOf([row(file('a.test.ts', 'passed'))]);
    for (const path of leftOut) expect(text).toContain(`not run: ${path}, which ${report.LEFT_OUT[path]}`);
  });
});
