import type { EntityCounters } from '../../cluster/stats/entity-counters.js';
import { type BatchOutcome, outcomeOf } from '../operations/commit-outcome.js';
import { firstOfRows } from '../operations/operation-kinds.js';
import type { Fence, RowOperation } from '../operations/row-operation.js';
import type { SchemaRecords } from '../records/schema-records.js';
import { callToken } from '../scripts/operation-token.js';
import type { ScriptCall, ScriptCallOptions, ScriptCaller } from '../scripts/script-caller.js';
import { batchesOf, batchOutcomes } from './batches.js';
import { commitCall } from './commit-call.js';
import { countOperations, countOutcome } from './commit-counts.js';
import { RETRIES, retryOf } from './commit-policy.js';
import type { ExpiredRows } from './expired-rows.js';

/** What batches are committed with. */
export interface BatchParts {
  readonly scripts: ScriptCaller;
  readonly expired: ExpiredRows;
  readonly counters: EntityCounters;
  readonly records: SchemaRecords | undefined;
  readonly fence: Fence | undefined;
  /** Returns the lock under which operations are committed. @throws LockLostError or CrossPartitionError */
  fenceFor(operations: readonly RowOperation[]): Fence | undefined;
  /** Commits one operation. A token that may have been sent before says so. */
  commitAlone(operation: RowOperation, token: string, options: ScriptCallOptions): Promise<BatchOutcome>;
}

/** Commits operations of any partitions, each by itself, in one batch per node. */
export class BatchCommitter {
  constructor(private readonly parts: BatchParts) {}

  /** Returns an outcome or error for each operation, in the same order. */
  async commit(operations: readonly RowOperation[], options: ScriptCallOptions): Promise<BatchOutcome[]> {
    if (operations.length === 0) return [];
    const [first, later] = firstOfRows(operations);
    if (later.length === 0) return this.send(operations, options);
    // An operation that is tried again would follow later ones of its row.
    const begun = new Set(first);
    const outcomes = await this.send(first, options);
    const others = await this.commit(later, options);
    return operations.map((operation) => (begun.has(operation) ? outcomes : others).shift()!);
  }

  private async send(
    operations: readonly RowOperation[],
    options: ScriptCallOptions,
  ): Promise<BatchOutcome[]> {
    const { scripts, records, counters, fence } = this.parts;
    // A batch uses one retry policy: it can be sent again only if all of its operations can.
    const retries = operations.map((operation) => retryOf([operation]));
    const retry = RETRIES.find((one) => retries.includes(one))!;
    const takable = operations.map((operation) => records?.assertTakable([operation]));
    const refusals = takable.some(Boolean)
      ? await Promise.all(takable.map((waiting) => waiting?.catch((error: Error) => error)))
      : [];
    const outcomes = new Map<RowOperation, BatchOutcome | Promise<BatchOutcome>>();
    for (const [i, refusal] of refusals.entries()) if (refusal) outcomes.set(operations[i], refusal);
    const able = operations.filter((operation) => !outcomes.has(operation));
    // Under a lock, each call checks it. With `durability`, each waits on its own connection.
    const isSeparate = fence !== undefined || options.durability !== undefined;
    const { batches, others } = isSeparate ? { batches: [], others: able } : batchesOf(able);
    const alone: [RowOperation, ScriptCall][] = [];
    for (const operation of others) {
      const call = this.callOrError(operation);
      if (call instanceof Error) outcomes.set(operation, call);
      else alone.push([operation, call]);
    }
    const calls = [...alone.map(([, call]) => call), ...batches.map(({ call }) => call)];
    const answers = await scripts.runMany(calls, retry, options);
    for (const [i, [operation]] of alone.entries())
      outcomes.set(operation, this.freed(operation, outcomeOf(answers[i], [operation]), options));
    const commitAlone = (operation: RowOperation, token: string): Promise<BatchOutcome> =>
      this.parts.commitAlone(operation, token, options).catch((error: Error) => error);
    for (const [i, batch] of batches.entries())
      for (const [place, outcome] of batchOutcomes(batch, answers[alone.length + i], commitAlone).entries())
        outcomes.set(batch.operations[place], outcome);
    const settled = await Promise.all(operations.map((operation) => outcomes.get(operation)!));
    countOperations(counters, operations);
    for (const outcome of settled) countOutcome(counters, outcome);
    return settled;
  }

  /** An expired row holds its unique values until it is swept. Then the operation is committed once more. */
  private freed(
    operation: RowOperation,
    outcome: BatchOutcome,
    options: ScriptCallOptions,
  ): BatchOutcome | Promise<BatchOutcome> {
    if (outcome instanceof Error || outcome.fault !== 'DUPLICATE') return outcome;
    const { expired, commitAlone } = this.parts;
    return expired
      .freeValue(outcome)
      .then((isFree) => (isFree ? commitAlone(operation, callToken(), options) : outcome))
      .catch((error: Error) => error);
  }

  private callOrError(operation: RowOperation): ScriptCall | Error {
    try {
      return commitCall([operation], callToken(), { fence: this.parts.fenceFor([operation]) });
    } catch (error) {
      return error as Error;
    }
  }
}
