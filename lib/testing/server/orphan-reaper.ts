import { spawn, type ChildProcess } from 'node:child_process';
import type { Writable } from 'node:stream';

/**
 * Waits for the end of its input, which is a pipe that only we hold, then kills the servers it was told of and
 * removes the data folder. A process id may belong to somebody else by then, so it is killed only when it works
 * in the data folder. Signals meant for the application do not end it.
 */
const SCRIPT = `
trap '' HUP INT QUIT TERM
folder=$1
if [ -d /proc/self ]; then
  working_folder() { readlink "/proc/$1/cwd" 2>/dev/null; }
else
  working_folder() { lsof -a -p "$1" -d cwd -Fn 2>/dev/null | sed -n 's/^n//p'; }
fi
pids=
while read -r pid; do pids="$pids $pid"; done
for pid in $pids; do
  case $(working_folder "$pid") in "$folder"/*) kill -KILL "$pid" ;; esac
done
for attempt in 1 2 3 4 5; do
  rm -rf "$folder" && break
  sleep 0.2
done
`;

/**
 * A tiny shell process that outlives us: however this process ends, kill -9 included, no server and no data
 * folder stays behind.
 */
export class OrphanReaper {
  private readonly child: ChildProcess;
  private readonly input: Writable;
  private readonly ended: Promise<void>;

  /** @param folder the data folder, without symbolic links */
  constructor(folder: string) {
    // its own session: Ctrl-C in our terminal must not reach it
    this.child = spawn('/bin/sh', ['-c', SCRIPT, 'keyslot-orphan-reaper', folder], {
      cwd: '/',
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    this.ended = new Promise((resolve) => {
      this.child.once('exit', () => resolve());
      this.child.once('error', () => resolve());
    });
    this.input = this.child.stdin as Writable;
    this.input.on('error', () => {}); // an orphan reaper that was killed must not take us along
    this.child.unref();
    (this.input as Writable & { unref?: () => void }).unref?.();
  }

  /** Registers a server to be killed once this process has ended. */
  watch(pid: number): void {
    this.input.write(`${pid}\n`);
  }

  /** Lets it finish its work, and waits for its end. */
  async release(): Promise<void> {
    this.child.ref();
    this.input.end();
    await this.ended;
  }
}
