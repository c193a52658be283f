import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './paths.mjs';

/**
 * Runs jest to its end, its output on ours.
 * @param {readonly string[]} args
 * @param {NodeJS.ProcessEnv} settings variables beside those of this process
 * @param {AbortSignal} [signal]
 * @returns {Promise<{ code: number | null, report: import('@jest/test-result').FormattedTestResults }>}
 */
export async function runJest(args, settings, signal) {
  const folder = mkdtempSync(join(tmpdir(), 'keyslot-jest-'));
  const file = join(folder, 'report.json');
  try {
    const code = await new Promise((resolve, reject) => {
      const child = spawn(
        process.execPath,
        [
          '--experimental-vm-modules',
          '--disable-warning=ExperimentalWarning',
          // tests make much that dies young: the collector takes a tenth less of their time
          '--max-semi-space-size=64',
          join(root, 'node_modules', 'jest', 'bin', 'jest.js'),
          '--json',
          `--outputFile=${file}`,
          ...args,
        ],
        {
          cwd: root,
          env: { ...process.env, CI: 'true', ...settings },
          stdio: ['ignore', 'inherit', 'inherit'],
          signal,
        },
      );
      child.once('error', reject);
      child.once('exit', resolve);
    });
    if (!existsSync(file)) throw new Error('jest ran no test');
    return { code, report: JSON.parse(readFileSync(file, 'utf8')) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
