import { setImmediate as turn } from 'node:timers/promises';
import { ClusterClient, type ClusterCacheOptions, type ClusterClientOptions, keySlot } from 'keyslot';
import { KeyHistory, type Violation } from './cache-checker.js';

/** Writers with a client of their own, and readers that read the same keys through the cache of another. */
export class CacheWorkload {
  readonly violations: Violation[] = [];
  reads = 0;
  readonly reader: ClusterClient;
  private readonly writer: ClusterClient;
  private readonly histories: KeyHistory[];
  private readonly running: Promise<void>[] = [];
  private readonly own: KeyHistory[];
  private held: (slot: number) => boolean = () => false;
  /** Whose writer waits for the server. */
  private readonly writing = new Set<KeyHistory>();
  private stopped = false;
  private readonly failures = new Map<string, number>();

  constructor(
    nodes: { host: string; port: number }[],
    /** How the reader reaches them. */
    path: Pick<ClusterClientOptions, 'nodes' | 'addressRemap'>,
    readonly cache: ClusterCacheOptions,
    tags: readonly string[],
  ) {
    const options = { nodes, deadlineMs: 20_000, retry: 'always' as const, replyTimeoutMs: 300 };
    this.reader = new ClusterClient({ ...options, ...path, cache });
    this.writer = new ClusterClient(options);
    this.histories = tags.map((tag) => new KeyHistory(`checked:{${tag}}`));
    this.own = tags.map((tag) => new KeyHistory(`own:{${tag}}`));
  }

  async start(): Promise<void> {
    await Promise.all([this.reader.connect(), this.writer.connect()]);
    for (const history of this.histories) this.running.push(this.write(history));
    for (let i = 0; i < 8; i++) this.running.push(this.read());
    for (const history of this.own) this.running.push(this.writeAndRead(history));
  }

  /**
   * Stops writing to slots, and resolves when their replicas have what was written: a failover then loses nothing, which
   * would be the cluster's staleness and not the cache's.
   */
  async hold(slots: (slot: number) => boolean): Promise<void> {
    this.held = slots;
    const held = [...this.histories, ...this.own].filter(({ key }) => slots(keySlot(key)));
    while (held.some((history) => this.writing.has(history))) await this.pause(5);
    const durable = this.writer.with({ durability: { replicas: 1, timeoutMs: 20_000 } });
    await Promise.all(held.map(({ key }) => durable.set(`held:${key}`, '1')));
  }

  /** Resolves when every writer of these slots has had a write confirmed from now on: by whoever owns them now. */
  async written(slots: (slot: number) => boolean): Promise<void> {
    const since = performance.now();
    const awaited = [...this.histories, ...this.own].filter(({ key }) => slots(keySlot(key)));
    while (awaited.some((history) => history.confirmedAt <= since)) await this.pause(5);
  }

  /** Ends `hold`. */
  release(): void {
    this.held = () => false;
  }

  /** Ends the writers and readers. @throws what a reader met other than a failure of the cluster */
  async stop(): Promise<void> {
    this.stopped = true;
    await Promise.all(this.running);
    await Promise.all([this.reader.close(), this.writer.close()]);
  }

  pause(ms: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, ms));
  }

  /** What has happened, in one line. */
  get summary(): string {
    const { hits, misses, staleRefusals, invalidations } = this.reader.cache.stats();
    const failed = [...this.failures].map(([code, count]) => `${code} ${count}`).join(', ');
    return `${this.reads} reads, ${hits} hits, ${misses} misses, ${staleRefusals} refused, ${invalidations} invalidations${failed && `, failed: ${failed}`}`;
  }

  private async write(history: KeyHistory): Promise<void> {
    while (!this.stopped) {
      await this.pause(Math.random() * 40);
      if (this.stopped || this.held(keySlot(history.key))) continue;
      this.writing.add(history);
      const isDeletion = Math.random() < 0.3;
      const version = history.begin(isDeletion);
      try {
        if (isDeletion) await this.writer.del(history.key);
        else await this.writer.set(history.key, String(version));
        history.confirm(version, performance.now());
      } catch (error) {
        this.failed(error);
      } finally {
        this.writing.delete(history);
      }
    }
  }

  private async read(): Promise<void> {
    // a reader that waits for a lost node would not notice what it is still told from memory
    const view = this.reader.with({ cache: true, deadlineMs: 50 });
    while (!this.stopped) {
      await turn();
      const history = this.histories[Math.floor(Math.random() * this.histories.length)];
      const readAlone = async (): Promise<string | null> => view.get(history.key);
      const readMany = async (): Promise<string | null> =>
        (await view.mget(history.key, `${history.key}:`))[0];
      for (let i = 0; i < 10; i++) {
        const beganAt = performance.now();
        try {
          const got = await (i === 9 ? readMany() : readAlone());
          this.note(history.check(got, beganAt, this.cache.maxStaleMs));
        } catch (error) {
          this.failed(error);
        }
      }
    }
  }

  /** Every acknowledged write of a client is seen by its next read. */
  private async writeAndRead(history: KeyHistory): Promise<void> {
    const view = this.reader.with({ cache: true });
    while (!this.stopped) {
      await this.pause(Math.random() * 40);
      if (this.stopped || this.held(keySlot(history.key))) continue;
      this.writing.add(history);
      const version = history.begin(false);
      try {
        const early = view.get(history.key).catch(() => null);
        await this.reader.set(history.key, String(version));
        history.confirm(version, performance.now());
        for (let i = 0; i < 3; i++) {
          const got = await view.get(history.key);
          this.note(history.check(got, performance.now(), 0));
        }
        await early;
      } catch (error) {
        this.failed(error);
      } finally {
        this.writing.delete(history);
      }
    }
  }

  private note(violation: Violation | undefined): void {
    this.reads++;
    if (violation !== undefined) this.violations.push(violation);
  }

  private failed(error: unknown): void {
    const code = String((error as { code?: string }).code ?? error);
    this.failures.set(code, (this.failures.get(code) ?? 0) + 1);
  }
}
