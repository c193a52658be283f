import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { LocalClusterError } from '../common/local-cluster-error.js';
import type { ServerBinary } from './server-binary.js';

/**
 * One running server. It does not keep this process alive; the orphan reaper kills it after this process has
 * ended.
 */
export class ServerProcess {
  readonly pid: number;
  /** Resolves with a description when it has ended. */
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
   * @param folder the working folder of the server, with its `server.conf`; its output goes to `server.log`
   *   there
   * @throws LocalClusterError `START_FAILED` if the program cannot be run at all
   */
  static async spawn(binary: ServerBinary, folder: string): Promise<ServerProcess> {
    const log = openSync(join(folder, 'server.log'), 'w', 0o600);
    try {
      // a process group of its own, so that Ctrl-C does not end it before the application has closed
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

  /** Sends SIGKILL, and waits for the end. Also works on a frozen server. */
  async kill(): Promise<void> {
    if (!this.running) return;
    this.child.ref();
    this.child.kill('SIGKILL');
    await this.ended;
  }

  /** Sends SIGSTOP: its sockets stay open, but it does not reply. */
  freeze(): void {
    this.child.kill('SIGSTOP');
  }

  /** Sends SIGCONT. */
  thaw(): void {
    this.child.kill('SIGCONT');
  }
}
