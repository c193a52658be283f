import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from '../docs-snippets.js';

interface Assertion {
  readonly title: string;
  readonly status: string;
  readonly failureMessages: readonly string[];
}

/** Runs a file of tests in a process of its own. @returns what became of each */
async function outcomes(file: string): Promise<Assertion[]> {
  const folder = mkdtempSync(join(tmpdir(), 'keyslot-outcomes-'));
  const output = join(folder, 'outcomes.json');
  const jest = ['--experimental-vm-modules', join(root, 'node_modules/jest/bin/jest.js')];
  const args = ['--testMatch', join(root, file), '--json', '--outputFile', output];
  try {
    const env = { ...process.env, KEYSLOT_TEST_BUILT: '' };
    await promisify(execFile)(process.execPath, [...jest, ...args], { cwd: root, env }).catch(() => {});
    const { testResults } = JSON.parse(readFileSync(output, 'utf8')) as {
      testResults: { assertionResults: Assertion[] }[];
    };
    return testResults.flatMap(({ assertionResults }) => assertionResults);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

it('a test that finds its cluster broken gets a new one, and a failure shows the state and the log of every node', async () => {
  const tests = await outcomes('test/faults/breakable-cluster/broken-tests.ts');
  expect(tests.map(({ status }) => status)).toEqual(['passed', 'failed', 'failed', 'passed']);
  const [withDead, withFrozen] = tests.flatMap(({ failureMessages }) => failureMessages);
  for (const message of [withDead, withFrozen]) {
    expect(message).toContain('failed on purpose');
    // CLUSTER NODES of the node that runs, and the logs of both
    expect(message).toMatch(/^--- \S+, running\n/m);
    expect(message.match(/ myself,master /g)).toHaveLength(1);
    expect(
      message.match(/ \* Ready to accept connections|# Cluster state changed: ok/g)?.length,
    ).toBeGreaterThanOrEqual(2);
  }
  expect(withDead).toMatch(/^--- \S+, dead\n/m);
  expect(withFrozen).toMatch(/^--- \S+, frozen\n/m);
});
