import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { within } from '../../cluster/common/within.js';
import { LocalClusterError } from '../common/local-cluster-error.js';
import type { ServerBinary } from './server-binary.js';

/** One running server. It does not keep our process alive; the orphan reaper sees to its end when we are gone. */
export class ServerProcess {
  readonly pid: number;
  /** Resolves when it has ended, to a word on that. */
  readonly ended: Promise<string>;

  private constructor(
    private readonly child: ChildProcess,
    pid: number,
  ) {
    this.pid = pid;
    this.ended = new Promise((resolve) => child.once('exit', () => resolve('it has ended')));
    child.unref();
  }

  /**
   * @param folder the server's working folder, with its `server.conf`; its output goes to `server.log` there
   * @throws LocalClusterError `START_FAILED` when the program cannot be run at all
   */
  static async spawn(binary: ServerBinary, folder: string): Promise<ServerProcess> {
    const log = openSync(join(folder, 'server.log'), 'w', 0o600);
    try {
      // its own process group: Ctrl-C in our terminal must not end it before the application has closed
      const child = spawn(binary.command, [...binary.args, 'server.conf'], {
        cwd: folder,
        detached: true,
        stdio: ['ignore', log, log],
      });
      if (child.pid !== undefined) return new ServerProcess(child, child.pid);
      const cause = await new Promise((resolve) => child.once('error', resolve));
      throw new LocalClusterError('START_FAILED', `${binary.command} cannot be run`, { cause });
    } finally {
      closeSync(log);
    }
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** SIGKILL, and waits for the end. Works on a frozen server too. */
  async kill(): Promise<void> {
    if (!this.running) return;
    this.child.ref();
    this.child.kill('SIGKILL');
    await this.ended;
  }

  /** SIGTERM: the server writes what it has, and ends. SIGKILL if that takes longer than `timeoutMs`. */
  async terminate(timeoutMs: number): Promise<void> {
    if (!this.running) return;
    this.child.ref();
    this.thaw();
    this.child.kill('SIGTERM');
    await within(timeoutMs, this.ended, () => '');
    await this.kill();
  }

  /** SIGSTOP: keeps its sockets and answers nothing. */
  freeze(): void {
    this.child.kill('SIGSTOP');
  }

  /** SIGCONT. */
  thaw(): void {
    this.child.kill('SIGCONT');
  }
}
