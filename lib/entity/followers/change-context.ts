import { InvalidArgumentError } from '../../cluster/common/errors.js';
import type { EntityChange } from '../changes/entity-change.js';
import { ChangePassedError } from '../common/entity-errors.js';
import type { FollowerStep } from '../operations/row-operation.js';
import type { TransactionOptions } from '../transactions/partition-transaction.js';
import type { TransactionContext } from '../transactions/transaction-context.js';
import { type TransactionFunction, TransactionRunner } from '../transactions/transaction-runner.js';

/**
 * A place where changes were removed before a group of followers read them: the outbox was trimmed, or a failover lost
 * what its replicas did not have. It concerns all partitions of the slot, and the changes after it are still handled.
 */
export interface ChangeGap {
  readonly type: 'gap';
  /** The name of the entity that owns the partitions. */
  readonly entity: string;
  /** The slot whose changes are missing. */
  readonly slot: number;
}

/** A change as a follower receives it. The group keeps its position, so it has no cursor. */
export type FollowedChange<C extends EntityChange = EntityChange> = C extends unknown
  ? Omit<C, 'cursor'>
  : never;

/** What a follower's handler knows besides the change. */
export interface ChangeContext {
  readonly group: string;
  /**
   * How often the change was handled in the group, this time included. Attempts that ended with their process count from
   * the second one on.
   */
  readonly attempt: number;
  /** Aborted once another process may handle the change, or if the follower is closed and does not wait any longer. */
  readonly signal: AbortSignal;
  /**
   * Runs a transaction in the partition of the change. Its commit also moves the group's position past the change: both
   * are committed, or neither is. It can commit once per change; nothing of it is committed if it writes nothing.
   *
   * @throws ChangePassedError if another process has handled the change.
   */
  transaction<R>(work: TransactionFunction<R>, options?: TransactionOptions): Promise<R>;
}

/** Handles a change. If it fails, the change is handled again after a delay. */
export type ChangeHandler<C = FollowedChange> = (change: C, context: ChangeContext) => unknown;

/** What became of a handler's transaction. */
export interface CommitState {
  /** Whether the position has been moved, by this handler or by another process. */
  isPassed: boolean;
}

/** Creates what `ChangeContext.transaction` is. */
export function transactionWith(
  context: TransactionContext,
  tag: string | undefined,
  step: FollowerStep,
  state: CommitState,
): ChangeContext['transaction'] {
  return async (work, options) => {
    if (tag === undefined)
      throw new InvalidArgumentError(
        'transaction',
        'A gap belongs to no partition, so it has no transaction',
      );
    if (state.isPassed)
      throw new InvalidArgumentError('transaction', 'context.transaction() can commit once per change');
    const onTaken = (): void => void (state.isPassed = true);
    try {
      return await new TransactionRunner({ ...context, step: { ...step, onTaken } }).run(tag, work, options);
    } catch (error) {
      if (error instanceof ChangePassedError) state.isPassed = true;
      throw error;
    }
  };
}
