import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { LocalCluster } from 'keyslot/testing';
import type { TillBooks } from './till-books.js';
import type { OpenTill } from './till.js';
import type { TillEvent, TillRole } from './till-roles.js';

/** How long a process may take to end once it is told to, in ms. */
const PATIENCE_MS = 180_000;
let series = 0;

/** A client process that works on a till. */
export class TillProcess {
  private readonly read: Promise<unknown>;
  private readonly exited: Promise<number | null>;
  private events = 0;
  private readonly counts = new Map<TillEvent['type'], number>();

  private constructor(
    readonly role: TillRole,
    private readonly child: ChildProcess,
    books: TillBooks,
  ) {
    const lines = createInterface({ input: child.stdout! });
    lines.on('line', (line) => {
      const event = JSON.parse(line) as TillEvent;
      this.events++;
      this.counts.set(event.type, (this.counts.get(event.type) ?? 0) + 1);
      books.record(event);
    });
    this.read = once(lines, 'close');
    this.exited = new Promise((resolve) => child.once('exit', resolve));
  }

  static start(role: TillRole, { seeds }: LocalCluster, { id, books }: OpenTill): TillProcess {
    const program = fileURLToPath(new URL('../run-till-process.js', import.meta.url));
    const nodes = seeds.map(({ host, port }) => `${host}:${port}`).join();
    const child = spawn(process.execPath, [program, role, id, `p${series++}`, nodes], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    return new TillProcess(role, child, books);
  }

  /** Waits until it has reported so many events more. */
  async progress(events: number): Promise<void> {
    const goal = this.events + events;
    for (const end = performance.now() + PATIENCE_MS; this.events < goal; await delay(10))
      if (performance.now() > end) throw new Error(`A ${this.role} makes no progress`);
  }

  /** Waits until it reports another event of one of these types. Returns the type. */
  async next(...types: readonly TillEvent['type'][]): Promise<TillEvent['type']> {
    const before = new Map(this.counts);
    for (const end = performance.now() + PATIENCE_MS; ; await delay(1)) {
      const type = types.find((one) => this.counts.get(one) !== before.get(one));
      if (type !== undefined) return type;
      if (performance.now() > end) throw new Error(`A ${this.role} never reports: ${types.join(', ')}`);
    }
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.read;
  }

  stop(): void {
    this.child.kill('SIGSTOP');
  }

  resume(): void {
    this.child.kill('SIGCONT');
  }

  /** Lets it finish what it does. @returns whether it ended by itself, and well */
  async end(): Promise<boolean> {
    this.child.stdin!.end();
    const ended = await Promise.race([this.read.then(() => true), delay(PATIENCE_MS, false, { ref: false })]);
    if (!ended) await this.kill();
    return (await this.exited) === 0;
  }
}
