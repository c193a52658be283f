import { spawn, type ChildProcess } from 'node:child_process';
import type { Writable } from 'node:stream';

/**
 * Waits for the end of its input, which is a pipe that only we hold, then ends the servers it was told of: those of a
 * temporary folder by SIGKILL, and it deletes the folder; those of a kept folder by SIGTERM first, so that they write
 * what they have. A process id may belong to somebody else by then, so it is ended only when it works in the data
 * folder. Signals meant for the application do not end it.
 */
const SCRIPT = `
trap '' HUP INT QUIT TERM
folder=$1
kept=$2
if [ -d /proc/self ]; then
  working_folder() { readlink "/proc/$1/cwd" 2>/dev/null; }
else
  working_folder() { lsof -a -p "$1" -d cwd -Fn 2>/dev/null | sed -n 's/^n//p'; }
fi
signal_all() {
  found=
  for pid in $pids; do
    case $(working_folder "$pid") in "$folder"/*) found=yes; kill "-$1" "$pid" ;; esac
  done
}
pids=
while read -r pid; do pids="$pids $pid"; done
if [ -n "$kept" ]; then
  signal_all TERM
  for attempt in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    signal_all 0
    [ -z "$found" ] && exit
    sleep 0.25
  done
  signal_all KILL
  exit
fi
signal_all KILL
for attempt in 1 2 3 4 5; do
  rm -rf "$folder" && break
  sleep 0.2
done
`;

/**
 * A tiny shell process that outlives us: however this process ends, kill -9 included, no server and no temporary data
 * folder stays behind.
 */
export class OrphanReaper {
  private readonly child: ChildProcess;
  private readonly input: Writable;
  private readonly ended: Promise<void>;

  /**
   * @param folder the data folder, without symbolic links
   * @param isKept whether the folder stays
   */
  constructor(folder: string, isKept: boolean) {
    // its own session: Ctrl-C in our terminal must not reach it
    this.child = spawn('/bin/sh', ['-c', SCRIPT, 'keyslot-orphan-reaper', folder, isKept ? 'kept' : ''], {
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
