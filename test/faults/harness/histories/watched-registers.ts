import { setTimeout as delay } from 'node:timers/promises';
import type { ClusterClient, ClusterError } from 'keyslot';
import type { Input, LossWindow, Operation, Plain } from '../../../simulation/checker/history.js';
import { COMPARE_AND_SET } from '../../../simulation/checker/models/compare-and-set.js';
import { judgeHistory, type HistoryFigures } from './verdicts.js';

/** Callers of each key, and the pause of each after a call, in ms. */
const CALLERS = 2;
const PAUSE_MS = 60;
/** How often the value at the end is read at most. */
const ATTEMPTS = 5;
let series = 0;

/** Callers that replace the value of a key by `transaction()`, which must not lose an update, and that read it. */
export class WatchedRegisters {
  private readonly operations: Operation[] = [];
  private readonly keys: readonly string[];
  private readonly callers: readonly Promise<void>[];
  private readonly stopping = new AbortController();
  private serial = 0;

  /** @param tags a hash tag of each key. */
  constructor(
    private readonly client: ClusterClient,
    tags: readonly string[],
  ) {
    const name = `watched${process.pid}x${series++}`;
    this.keys = tags.map((tag) => `${tag}${name}`);
    this.callers = this.keys.flatMap((key) => Array.from({ length: CALLERS }, () => this.keepReplacing(key)));
  }

  /** Ends the calls. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await Promise.all(this.callers);
  }

  /**
   * Reads what is left, and checks all calls.
   *
   * @param lost when servers may have lost writes.
   */
  async judge(lost: readonly Omit<LossWindow, 'key'>[]): Promise<HistoryFigures> {
    for (const key of this.keys) for (let made = 0; made < ATTEMPTS; made++) if (await this.read(key)) break;
    const losses = this.keys.flatMap((key) => lost.map((window) => ({ key, ...window })));
    return judgeHistory({ operations: this.operations, losses }, () => COMPARE_AND_SET);
  }

  private async keepReplacing(key: string): Promise<void> {
    while (!this.stopping.signal.aborted) {
      await this.replace(key);
      if (Math.random() < 0.3) await this.read(key);
      await delay(PAUSE_MS);
    }
  }

  private replace(key: string): Promise<boolean> {
    const next = `v${this.serial}`;
    let read: string | null = null;
    return this.record(
      key,
      async () => {
        await this.client.transaction([key], async (tx) => {
          read = await tx.get(key);
          return tx.multi().set(key, next);
        });
        return 1;
      },
      () => ['replace', read, next],
    );
  }

  private read(key: string): Promise<boolean> {
    return this.record(
      key,
      () => this.client.get(key),
      () => ['read'],
    );
  }

  /** Makes a call. Resolves with whether it succeeded. */
  private async record(key: string, call: () => Promise<Plain>, inputOf: () => Input): Promise<boolean> {
    const begun = { id: ++this.serial, key, calledAt: performance.now() };
    try {
      const output = await call();
      this.operations.push({ ...begun, input: inputOf(), returnedAt: performance.now(), output });
      return true;
    } catch (error) {
      if ((error as Partial<ClusterError>).applied !== false)
        this.operations.push({ ...begun, input: inputOf(), returnedAt: Infinity, output: undefined });
      return false;
    }
  }
}
