import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { runCommandLine } from '../../lib/cli/command-line.js';
import { Terminal } from '../../lib/cli/common/terminal.js';
import { eventually } from '../cluster-fixture.js';
import { root } from '../docs-snippets.js';

/** The program as it is built; `npm test` has built it. */
const MAIN = join(root, 'dist', 'cli', 'main.js');

/** The environment of the program: nothing of the test runner, of npm, or of a cluster that the tests share. */
const inherited = Object.fromEntries(
  ['PATH', 'HOME', 'TMPDIR', 'KEYSLOT_REDIS_SERVER'].map((name) => [name, process.env[name]]),
);

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command line in this process, which takes less time than a process of its own. */
export async function commandLine(
  line: readonly string[],
  environment: Record<string, string> = {},
): Promise<Outcome> {
  const [output, errors] = [new Written(), new Written()];
  const terminal = new Terminal(output, errors, environment);
  const code = await runCommandLine(line, { terminal, environment });
  return { code, stdout: output.text, stderr: errors.text };
}

class Written {
  text = '';
  write(more: string): void {
    this.text += more;
  }
}

/** Runs the program to its end. */
export async function keyslot(
  line: readonly string[],
  environment: Record<string, string> = {},
): Promise<Outcome> {
  const env = { ...inherited, ...environment };
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [MAIN, ...line], { env });
    return { code: 0, stdout, stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: unknown; stdout: string; stderr: string };
    if (typeof code !== 'number') throw error;
    return { code, stdout, stderr };
  }
}

/** The program while it runs. */
export class RunningProgram {
  output = '';
  readonly ended: Promise<unknown[]>;
  readonly child: ChildProcess;

  constructor(line: readonly string[], environment: Record<string, string> = {}, inShell = false) {
    const command = [process.execPath, MAIN, ...line];
    // shells that stay, as their last commands are others
    const [program, ...args] = inShell ? ['sh', '-c', `sh -c "${command.join(' ')}; true"; true`] : command;
    this.child = spawn(program, args, {
      env: { ...inherited, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.child.stdout, this.child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => (this.output += text));
    this.ended = once(this.child, 'exit');
  }

  /** Waits until the program has printed a pattern. */
  said(pattern: RegExp): Promise<RegExpExecArray> {
    return eventually(
      () => {
        const match = pattern.exec(this.output);
        if (match === null) throw new Error(`Not said: ${String(pattern)}\n${this.output}`);
        return match;
      },
      { timeoutMs: 90_000 },
    );
  }

  kill(signal: NodeJS.Signals): Promise<unknown[]> {
    this.child.kill(signal);
    return this.ended;
  }
}
