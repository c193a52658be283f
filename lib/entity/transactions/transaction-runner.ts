import { random } from '../../cluster/runtime/randomness.js';
import { delay as sleep } from '../../cluster/common/timers.js';
import { TransactionConflictError } from '../../cluster/common/errors.js';
import { checkFunction, checkWhole } from '../common/argument-checks.js';
import { countersOf, onPrimaries } from '../common/entity-client.js';
import type { EntityCounters } from '../../cluster/stats/entity-counters.js';
import type { TransactionContext } from './transaction-context.js';
import { PartitionQueue } from './partition-queue.js';
import { checkEntityOptions } from '../common/check-entity-options.js';
import type { PartitionTransaction, TransactionOptions } from './partition-transaction.js';
import { TransactionAttempt } from './transaction-attempt.js';

const ATTEMPTS = 50;
const SHORTEST_CEILING_MS = 2;
const LONGEST_CEILING_MS = 64;

/** The function that `transaction` runs. */
export type TransactionFunction<R> = (tx: PartitionTransaction) => Promise<R>;

/** Runs transactions: at once without conflicts, in turn after a conflict. */
export class TransactionRunner {
  private readonly queue = new PartitionQueue();

  private readonly context: TransactionContext;
  private readonly counters: EntityCounters;

  constructor(context: TransactionContext) {
    this.context = onPrimaries(context);
    this.counters = countersOf(context.client);
  }

  /**
   * Runs a function until its commit succeeds.
   *
   * @throws TransactionConflictError after the last attempt.
   */
  async run<R>(tag: string, work: TransactionFunction<R>, options: TransactionOptions = {}): Promise<R> {
    checkFunction('work', work);
    checkEntityOptions('a transaction', options);
    const { attempts = ATTEMPTS } = options;
    checkWhole('attempts', attempts, 1);
    this.counters.operations.add('transaction');
    const optimistic = this.queue.isContended(tag) ? 0 : 1;
    if (optimistic > 0) {
      const done = await this.attempt(tag, work, options);
      if (done) return done.result;
    }
    return this.queue.takeTurn(tag, async () => {
      for (let made = optimistic; made < attempts; made++) {
        // Others of this process are waiting, so a conflict now comes from another process.
        if (made > optimistic) await sleep(jitterMs(made - optimistic));
        const done = await this.attempt(tag, work, options);
        if (done) return done.result;
      }
      throw new TransactionConflictError(attempts);
    });
  }

  /** Runs the function and commits once. Returns undefined after a conflict. */
  private async attempt<R>(
    tag: string,
    work: TransactionFunction<R>,
    options: TransactionOptions,
  ): Promise<Result<R> | undefined> {
    const attempt = new TransactionAttempt(this.context, tag);
    let result: R;
    try {
      result = await work(attempt);
    } catch (error) {
      // An error can be the result of rows that never existed at the same moment. It does not count then.
      if (await attempt.isStale().catch(() => false)) return this.conflict();
      throw error;
    }
    return (await attempt.commit(options)) ? { result } : this.conflict();
  }

  private conflict(): undefined {
    this.counters.conflicts.add('TRANSACTION_CONFLICT');
  }
}

interface Result<R> {
  readonly result: R;
}

/** Returns a random pause up to a ceiling that doubles with each conflict (full jitter). */
function jitterMs(conflicts: number): number {
  return random() * Math.min(LONGEST_CEILING_MS, SHORTEST_CEILING_MS * 2 ** (conflicts - 1));
}
