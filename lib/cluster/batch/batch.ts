import type { BatchEntry, BatchLane, SentBatch } from './sent-batch.js';
import { batchWindow } from './batch-window.js';
import type { CallPolicy } from '../command/call-policy.js';
import { DeadlineExceededError } from '../common/errors.js';
import { monotonicMs } from '../common/timers.js';
import { resultsToCaller } from '../diagnostics/caller-stack.js';
import type { PendingBounds } from '../options/options.js';

/** What a batch needs from the engine. */
export interface BatchEngine {
  readonly options: { readonly maxPendingPerNode: PendingBounds };
  openBatch(batch: SentBatch): BatchLane;
}

/**
 * Commands that are sent together, whatever nodes they go to. Each is redirected or sent again on its own. The
 * promise always resolves, when all have a result.
 *
 * A deadline that was given with these calls applies to the whole batch. Any other deadline applies to each
 * window, so that a long batch is not rejected for its length. Once a command has reached it, the rest of the
 * batch has the same time again, and no longer.
 */
export class Batch<T> implements SentBatch {
  private readonly window: PendingBounds;
  private readonly results: T[];
  private readonly errors: Error[] = [];
  private next = 0;
  private inFlight = 0;
  private bytesInFlight = 0;
  /** When entries that have not been sent are given up; milliseconds of `performance.now()`. */
  private giveUpAt = Infinity;
  private advancing = false;
  private lane!: BatchLane;
  private finish: ((results: T[] | Promise<T[]>) => void) | undefined = undefined;

  constructor(
    readonly entries: readonly BatchEntry[],
    readonly policy: CallPolicy,
    private readonly engine: BatchEngine,
    private readonly resultOf: (reply: unknown, error: Error | null) => T,
  ) {
    this.window = batchWindow(engine.options.maxPendingPerNode);
    this.results = new Array<T>(entries.length);
  }

  /** Sends the batch, a window of it at a time. */
  start(): Promise<T[]> {
    if (this.entries.length === 0) return Promise.resolve([]);
    return new Promise((resolve) => {
      this.finish = resolve;
      this.lane = this.engine.openBatch(this);
      if (this.policy.deadlineOfBatch) this.limitFromCall();
      this.advance();
    });
  }

  replied(place: number, reply: unknown): void {
    this.results[place] = this.resultOf(reply, null);
  }

  failed(place: number, error: Error): void {
    this.results[place] = this.resultOf(undefined, error);
    this.errors.push(error);
  }

  ended(count: number, bytes: number): void {
    this.inFlight -= count;
    this.bytesInFlight -= bytes;
    // the loop that sends entries continues
    if (this.advancing) return;
    if (this.next === this.entries.length) this.finishOnce();
    else if (this.inFlight <= this.window.commands / 2 && this.bytesInFlight <= this.window.bytes / 2)
      this.advance();
  }

  /** Sets one deadline for the rest of the batch. */
  limit(): void {
    if (this.giveUpAt === Infinity) this.giveUpAt = monotonicMs() + this.policy.deadlineMs;
  }

  /** Sets the deadline that was given with the calls. */
  private limitFromCall(): void {
    this.lane.afterLongTurn((ms) => (this.giveUpAt += ms));
    this.giveUpAt = this.lane.now() + this.policy.deadlineMs;
  }

  private advance(): void {
    this.advancing = true;
    if (this.lane.now() >= this.giveUpAt) this.giveUp();
    this.lane.begin();
    while (this.mayAdd) {
      while (this.mayAdd) this.lane.add(this.take(), this.giveUpAt);
      // what cannot be sent makes room again
      this.lane.flush();
    }
    this.advancing = false;
    if (this.next === this.entries.length) this.finishOnce();
  }

  /** Whether the window has room for the next entry. */
  private get mayAdd(): boolean {
    return (
      this.next < this.entries.length &&
      this.inFlight < this.window.commands &&
      this.bytesInFlight < this.window.bytes
    );
  }

  private take(): number {
    this.inFlight++;
    this.bytesInFlight += this.entries[this.next].call.size;
    return this.next++;
  }

  /** Fails all entries that have not been sent. */
  private giveUp(): void {
    const error = new DeadlineExceededError('The rest of the batch', this.policy.deadlineMs);
    while (this.next < this.entries.length) this.lane.refuse(this.take(), error);
  }

  private finishOnce(): void {
    const { errors, finish } = this;
    if (this.inFlight > 0 || finish === undefined) return;
    this.lane.end();
    const results = this.results.slice();
    // a list, and a batch, that has grown old would keep the results in memory
    this.results.length = 0;
    this.finish = undefined;
    finish(errors.length === 0 ? results : resultsToCaller(results, errors));
  }
}
