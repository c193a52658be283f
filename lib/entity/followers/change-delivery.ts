import { random } from '../../cluster/runtime/randomness.js';
import { unixMs } from '../../cluster/common/timers.js';
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
import type { HeldShare } from './share-keeper.js';
import type { Again } from './slot-queue.js';

/** A handler of changes and, if it asks for them, of gaps. */
export type AnyHandler = ChangeHandler<FollowedChange | ChangeGap>;

/** Where a gap ends: at the oldest entry that is kept. */
const OLDEST = 'start';

/** Reads the slot again at once. */
const AT_ONCE: Again = { afterMs: 0 };

/** Returns why a change is put aside whose last attempt ended with its process. */
const handlerVanished = (): ClusterError =>
  new ClusterError('The process ended, or lost its lease, before the handler had ended', {
    code: 'HANDLER_VANISHED',
  });

/** An attempt at an entry. */
interface Attempt {
  readonly entry: OutboxEntry;
  /** The position before it. */
  readonly from: string;
  readonly number: number;
  readonly share: HeldShare;
}

/** Hands the entries of slots to a handler, in the order of each slot, and moves the positions of the group. */
export class ChangeDelivery {
  private readonly turns: Limiter;

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
  async drain(slot: number, begun: 'now' | 'start', share: HeldShare): Promise<Again> {
    const { position, isLost, attempts, entries } = await this.store.read(slot, begun);
    if (isLost) return this.passGap(slot, position, attempts + 1, share.lost.signal);
    let number = attempts + 1;
    let stored = position;
    let read = position;
    for (const entry of entries) {
      if (share.isEnding) break;
      if (this.isFollowed(entry)) {
        const outcome = await this.turns.run(async () =>
          share.isEnding ? { afterMs: 0 } : this.pass({ entry, from: stored, number, share }),
        );
        if (outcome !== 'passed') return outcome;
        stored = entry.id;
        number = 1;
      }
      read = entry.id;
    }
    share.proven?.add(slot);
    if (read !== stored && !share.lost.signal.aborted) await this.store.move(slot, stored, read);
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
  private async pass(attempt: Attempt): Promise<'passed' | Again> {
    const { entry, from, number, share } = attempt;
    const { slot } = entry;
    if (number > this.options.retry.attempts) {
      const error = handlerVanished();
      this.options.onError(error);
      return this.putAside(attempt, number - 1, error);
    }
    // its last attempt may have ended the process
    if (share.proven && !share.proven.has(slot)) await this.store.note(slot, from, number);
    const state: CommitState = { isPassed: false };
    const step = this.store.step(slot, from, entry.id);
    const { signal } = share.lost;
    try {
      const change = changeFrom(this.classes, entry) as FollowedChange;
      const transaction = transactionWith(this.context, tagIn(this.classes, entry), step, state);
      await this.handler(change, { group: this.store.group, attempt: number, signal, transaction });
    } catch (error) {
      if (error instanceof ChangePassedError) return AT_ONCE;
      this.report(error);
      if (!state.isPassed) return this.fail(attempt, error);
    }
    this.counts.handled++;
    if (!state.isPassed && !(await this.store.move(slot, from, entry.id))) return AT_ONCE;
    share.proven?.add(slot);
    return 'passed';
  }

  /** Handles a gap. The handler's error is tried again for ever, because there is nothing to put aside. */
  private async passGap(
    slot: number,
    position: string,
    attempt: number,
    signal: AbortSignal,
  ): Promise<Again> {
    const entity = this.classes.partitionName;
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
        await this.store.note(slot, position, attempt);
        return { afterMs: this.delayOf(attempt) };
      }
    } else this.options.onError(new ChangesLostError(entity, `${slot}:${OLDEST}`));
    if (await this.store.move(slot, position, OLDEST)) this.counts.gaps++;
    return AT_ONCE;
  }

  private async fail(attempt: Attempt, error: unknown): Promise<'passed' | Again> {
    const { entry, from, number, share } = attempt;
    if (share.lost.signal.aborted) return undefined;
    if (number >= this.options.retry.attempts) return this.putAside(attempt, number, error);
    this.counts.retried++;
    await this.store.note(entry.slot, from, number);
    return { afterMs: this.delayOf(number) };
  }

  /** Puts a change aside, or hands it to `deadLetter`, and moves on. */
  private async putAside(
    { entry, from, number }: Attempt,
    attempts: number,
    error: unknown,
  ): Promise<'passed' | Again> {
    const { deadLetter, maxDeadLetters } = this.options;
    const change = this.changeIn(entry);
    let removed: number | undefined = 0;
    if (deadLetter && change) {
      const id = `${entry.slot}:${entry.id}`;
      const letter: DeadLetter = {
        id,
        change,
        attempts,
        error: errorText(error),
        failedAt: new Date(unixMs()),
      };
      try {
        await deadLetter(letter);
      } catch (failure) {
        this.report(failure);
        return { afterMs: this.delayOf(number) };
      }
      if (!(await this.store.move(entry.slot, from, entry.id))) return AT_ONCE;
    } else {
      // what cannot be decoded has no letter, so it is kept for a version of the program that can
      const fields = deadLetterFields(entry, attempts, error);
      removed = await this.store.putAside(entry.slot, from, entry.id, fields, maxDeadLetters);
      if (removed === undefined) return AT_ONCE;
    }
    this.counts.putAside++;
    if (removed > 0) this.reportRemoved(removed);
    return 'passed';
  }

  private changeIn(entry: OutboxEntry): FollowedChange | undefined {
    try {
      return changeFrom(this.classes, entry);
    } catch {
      return undefined;
    }
  }

  private reportRemoved(count: number): void {
    this.counts.deadLettersRemoved += count;
    this.options.onError(
      new ClusterError(
        `Removed ${count} of the changes that group '${this.store.group}' had put aside, because a slot keeps ` +
          `${this.options.maxDeadLetters} (maxDeadLetters); handle or discard them in time with deadLetters()`,
        { code: 'DEAD_LETTERS_REMOVED' },
      ),
    );
  }

  /** Doubles with each attempt, and varies, so that slots that failed together do not come back together. */
  private delayOf(attempt: number): number {
    const { delayMs, maxDelayMs } = this.options.retry;
    return Math.min(maxDelayMs, delayMs * 2 ** Math.min(30, attempt - 1)) * (0.5 + random() / 2);
  }

  private report(error: unknown): void {
    this.counts.failed++;
    this.options.onError(
      error instanceof Error ? error : new ClusterError(errorText(error), { code: 'HANDLER_FAILED' }),
    );
  }
}
