import { ClusterError } from '../../cluster/common/errors.js';
import { Limiter } from '../common/limiter.js';
import { ChangePassedError, ChangesLostError } from '../common/entity-errors.js';
import { type FollowedClasses, type OutboxEntry, changeFrom, tagIn } from '../changes/outbox-entry.js';
import type { TransactionContext } from '../transactions/transaction-context.js';
import {
  type ChangeGap,
  type ChangeHandler,
  type CommitState,
  type FollowedChange,
  transactionWith,
} from './change-context.js';
import { type DeadLetter, deadLetterFields, errorText } from './dead-letter.js';
import type { ResolvedFollowOptions } from './follow-options.js';
import type { FollowerCounts } from './follower-statistics.js';
import { BATCH, type GroupStore } from './group-store.js';
import type { Again } from './slot-queue.js';

/** A handler of changes and, if it asks for them, of gaps. */
export type AnyHandler = ChangeHandler<FollowedChange | ChangeGap>;

/** Where a gap ends: at the oldest entry that is kept. */
const OLDEST = 'start';

/** Attempts at the entry of a slot that is not handled yet. */
interface Attempts {
  readonly at: string;
  count: number;
}

/** Hands the entries of slots to a handler, in the order of each slot, and moves the positions of the group. */
export class ChangeDelivery {
  private readonly turns: Limiter;
  private readonly attempts = new Map<number, Attempts>();

  constructor(
    private readonly context: TransactionContext,
    private readonly store: GroupStore,
    private readonly classes: FollowedClasses,
    private readonly handler: AnyHandler,
    private readonly options: ResolvedFollowOptions,
    private readonly counts: FollowerCounts,
  ) {
    this.turns = new Limiter(options.concurrency);
  }

  /** Handles the entries of a slot, up to a number, until the share of the slot ends. */
  async drain(
    slot: number,
    begun: 'now' | 'start',
    share: { isEnding: boolean; signal: AbortSignal },
  ): Promise<Again> {
    const { position, isLost, entries } = await this.store.read(slot, begun);
    if (isLost) return this.passGap(slot, position, share.signal);
    let stored = position;
    let read = position;
    for (const entry of entries) {
      if (share.isEnding) break;
      if (this.isFollowed(entry)) {
        const outcome = await this.turns.run(async () =>
          share.isEnding ? { afterMs: 0 } : this.pass(slot, stored, entry, share.signal),
        );
        if (outcome !== 'passed') return outcome;
        stored = entry.id;
      }
      read = entry.id;
    }
    if (read !== stored && !share.signal.aborted) await this.store.move(slot, stored, read);
    return entries.length >= BATCH ? { afterMs: 0 } : undefined;
  }

  private isFollowed(entry: OutboxEntry): boolean {
    try {
      return changeFrom(this.classes, entry) !== undefined;
    } catch {
      return true; // an entry of another program: handling it fails, and it is put aside
    }
  }

  /** Handles one entry. Returns when to go on if it is not handled yet, or if another process has handled it. */
  private async pass(
    slot: number,
    from: string,
    entry: OutboxEntry,
    signal: AbortSignal,
  ): Promise<'passed' | Again> {
    const state: CommitState = { isPassed: false };
    const step = this.store.step(slot, from, entry.id);
    const attempt = this.begin(slot, entry.id);
    try {
      const change = changeFrom(this.classes, entry) as FollowedChange;
      const transaction = transactionWith(this.context, tagIn(this.classes, entry), step, state);
      await this.handler(change, { group: this.store.group, attempt, signal, transaction });
    } catch (error) {
      if (error instanceof ChangePassedError) return this.forget(slot, { afterMs: 0 });
      this.report(error);
      if (!state.isPassed) return this.fail(slot, from, entry, attempt, error, signal);
    }
    this.counts.handled++;
    if (!state.isPassed && !(await this.store.move(slot, from, entry.id)))
      return this.forget(slot, { afterMs: 0 });
    return this.forget(slot, 'passed');
  }

  /** Handles a gap. The handler's error is tried again for ever, because there is nothing to put aside. */
  private async passGap(slot: number, position: string, signal: AbortSignal): Promise<Again> {
    const entity = this.classes.partitionName;
    const attempt = this.begin(slot, `gap ${position}`);
    if (this.options.gaps) {
      const gap: ChangeGap = { type: 'gap', entity, slot };
      const step = this.store.step(slot, position, OLDEST);
      const transaction = transactionWith(this.context, undefined, step, { isPassed: false });
      try {
        await this.turns.run(async () =>
          this.handler(gap, { group: this.store.group, attempt, signal, transaction }),
        );
      } catch (error) {
        this.report(error);
        return { afterMs: this.delayOf(attempt) };
      }
    } else this.options.onError(new ChangesLostError(entity, `${slot}:${OLDEST}`));
    if (await this.store.move(slot, position, OLDEST)) this.counts.gaps++;
    return this.forget(slot, { afterMs: 0 });
  }

  private async fail(
    slot: number,
    from: string,
    entry: OutboxEntry,
    attempt: number,
    error: unknown,
    signal: AbortSignal,
  ): Promise<'passed' | Again> {
    if (signal.aborted) return undefined;
    const { attempts } = this.options.retry;
    if (attempt < attempts) {
      this.counts.retried++;
      return { afterMs: this.delayOf(attempt) };
    }
    const { deadLetter } = this.options;
    try {
      if (deadLetter) await deadLetter(this.letter(entry, attempt, error));
    } catch (failure) {
      this.report(failure);
      return { afterMs: this.delayOf(attempt) };
    }
    const aside = deadLetter ? [] : deadLetterFields(entry, attempt, error);
    if (!(await this.store.move(slot, from, entry.id, aside))) return this.forget(slot, { afterMs: 0 });
    this.counts.putAside++;
    return this.forget(slot, 'passed');
  }

  private letter(entry: OutboxEntry, attempts: number, error: unknown): DeadLetter {
    const change = changeFrom(this.classes, entry)!;
    return {
      id: `${entry.slot}:${entry.id}`,
      change,
      attempts,
      error: errorText(error),
      failedAt: new Date(),
    };
  }

  private begin(slot: number, at: string): number {
    let attempts = this.attempts.get(slot);
    if (attempts?.at !== at) this.attempts.set(slot, (attempts = { at, count: 0 }));
    return ++attempts.count;
  }

  private forget<T>(slot: number, outcome: T): T {
    this.attempts.delete(slot);
    return outcome;
  }

  /** Doubles with each attempt, and varies, so that slots that failed together do not come back together. */
  private delayOf(attempt: number): number {
    const { delayMs, maxDelayMs } = this.options.retry;
    return Math.min(maxDelayMs, delayMs * 2 ** Math.min(30, attempt - 1)) * (0.5 + Math.random() / 2);
  }

  private report(error: unknown): void {
    this.counts.failed++;
    this.options.onError(
      error instanceof Error ? error : new ClusterError(errorText(error), { code: 'HANDLER_FAILED' }),
    );
  }
}
