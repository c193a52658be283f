import { type CommitFault, faultError } from '../operations/commit-faults.js';
import { type BatchOutcome, type Committed, faultFrom, outcomeOf } from '../operations/commit-outcome.js';
import {
  type CollectionCall,
  type CollectionPlace,
  type CollectionReplies,
  repliesOf,
} from '../collections/collection-call.js';
import { COLLECTION_SCRIPTS } from '../commit-scripts/commit-scripts.js';
import { countersOf, type EntityClient, primaryOf } from '../common/entity-client.js';
import { GLOBAL_WRITES_AT_ONCE, GlobalWrites } from '../global/global-writes.js';
import { Limiter } from '../common/limiter.js';
import { type CommitExtras, type Fence, isGlobal, type RowOperation } from '../operations/row-operation.js';
import { windowKeys } from '../keys/entity-key.js';
import { CrossPartitionError } from '../common/entity-errors.js';
import { INCREMENT_SCRIPT } from '../commit-scripts/increment-script.js';
import { callToken, operationToken } from '../scripts/operation-token.js';
import { checkRepeatable, checkWindow, purposeOf } from '../operations/repeatable.js';
import type { EntityCounters } from '../../cluster/stats/entity-counters.js';
import { countOperations, countOutcome } from './commit-counts.js';
import { type Cascades, isCascading } from './cascades.js';
import { BatchCommitter } from './batch-committer.js';
import { commitCall } from './commit-call.js';
import { outboxFor, retryOf } from './commit-policy.js';
import { collectionScriptArguments, incrementScriptArguments } from '../operations/commit-arguments.js';
import type { SchemaRecords } from '../records/schema-records.js';
import { ExpiredRows } from './expired-rows.js';
import { formForCalls } from '../commit-scripts/script-forms.js';
import { type ScriptCallOptions, ScriptCaller } from '../scripts/script-caller.js';
import type { WriteOptions } from '../common/write-options.js';

/** Sends row operations to the server: all of them are applied, or none. */
export class Committer {
  private readonly scripts: ScriptCaller;
  private readonly expired: ExpiredRows;
  private readonly globals: GlobalWrites;
  private readonly batches: BatchCommitter;
  private readonly counters: EntityCounters;

  /**
   * @param records protects unique constraints that are being built; without it, they are not protected.
   * @param fence the lock under which all commits are made.
   * @param cascades finds the rows that deletes of other rows delete; without it, there are none.
   */
  constructor(
    client: EntityClient,
    private readonly records?: SchemaRecords,
    private readonly fence?: Fence,
    private readonly cascades?: Cascades,
  ) {
    this.scripts = new ScriptCaller(client);
    this.counters = countersOf(client);
    this.expired = new ExpiredRows(this.scripts);
    this.globals = new GlobalWrites(primaryOf(client), this.scripts);
    this.batches = new BatchCommitter({
      scripts: this.scripts,
      expired: this.expired,
      counters: this.counters,
      records,
      fence,
      fenceFor: (operations) => this.fenceFor(operations),
      commitAlone: (operation, token, options) => this.commitInPartition([operation], token, options, {}),
    });
  }

  /** Whether its lock was held until it was released, so that entities loaded under it can be written without it. */
  get hasEndedWell(): boolean {
    return this.fence?.hasEndedWell() ?? false;
  }

  /**
   * Commits one operation.
   *
   * @returns the version of the row, or the last version of a deleted row; undefined if there was no row.
   * @throws the error of the fault, if the commit is refused.
   */
  async commit(operation: RowOperation, options?: WriteOptions): Promise<number | undefined> {
    const outcome = await this.tryCommit([operation], options);
    if (outcome.fault) throw faultError(outcome);
    if (outcome.unconfirmed) throw outcome.unconfirmed;
    return outcome.versions[0];
  }

  /** Commits operations of one partition. Returns a refusal rather than throwing it. */
  async tryCommit(
    operations: readonly RowOperation[],
    options: WriteOptions = {},
    extras: CommitExtras = {},
  ): Promise<Committed | CommitFault> {
    if (this.cascades && operations.some(isCascading))
      return this.cascades.commit(operations, extras, (all, more) => this.tryCommit(all, options, more));
    checkRepeatable(operations, options.opId);
    // Not awaited without need, so that writes called in the same tick are sent in order.
    const takable = this.records?.assertTakable(operations);
    if (takable) await takable;
    const token = callToken(options.opId, purposeOf(operations));
    countOperations(this.counters, operations);
    const outcome = await (operations.some(isGlobal)
      ? this.globals.commit(operations, options, (held, bounds) =>
          this.commitInPartition(held, token, { ...options, ...bounds }, extras),
        )
      : this.commitInPartition(operations, token, options, extras));
    // a transaction runs again, and counts its own conflicts
    if (extras.queries === undefined) countOutcome(this.counters, outcome);
    return outcome;
  }

  /** Commits operations whose entries of global indexes, if any, are in place. */
  private async commitInPartition(
    operations: readonly RowOperation[],
    token: string,
    options: WriteOptions,
    extras: CommitExtras,
  ): Promise<Committed | CommitFault> {
    for (;;) {
      const outcome = await this.sendCommit(operations, token, options, extras);
      // An expired row holds its unique values until it is swept. Each such value costs one more attempt, once.
      if (outcome.fault !== 'DUPLICATE' || !(await this.expired.freeValue(outcome))) return outcome;
    }
  }

  /**
   * Commits each operation by itself, in one batch per node. Returns an outcome or error for each, in the same order.
   */
  async tryCommitMany(
    operations: readonly RowOperation[],
    options: ScriptCallOptions = {},
  ): Promise<BatchOutcome[]> {
    const isAlone = (operation: RowOperation): boolean => isGlobal(operation) || isCascading(operation);
    const alone = operations.filter(isAlone);
    if (alone.length === 0) return this.batches.commit(operations, options);
    const together = operations.filter((operation) => !isAlone(operation));
    const limiter = new Limiter(GLOBAL_WRITES_AT_ONCE);
    const [some, others] = await Promise.all([
      Promise.all(
        alone.map((operation) =>
          limiter.run(() => this.tryCommit([operation], options).catch((error: Error) => error)),
        ),
      ),
      this.batches.commit(together, options),
    ]);
    return operations.map((operation) => (isAlone(operation) ? some : others).shift()!);
  }

  private async sendCommit(
    operations: readonly RowOperation[],
    token: string,
    options: WriteOptions,
    extras: CommitExtras,
  ): Promise<Committed | CommitFault> {
    const call = commitCall(operations, token, { ...extras, fence: this.fenceFor(operations) });
    // a commit that moves a position recognizes its repetition by it
    const retry = extras.step ? 'always' : retryOf(operations, extras.outbox);
    const answered = this.scripts.run(call, retry, options);
    const outcome = outcomeOf(await answered.catch((error: Error) => error), operations);
    if (outcome instanceof Error) throw outcome;
    // Thrown, because callers must not mistake an unknown outcome for a refusal.
    if (outcome.fault === 'UNKNOWN') {
      countOutcome(this.counters, outcome);
      throw faultError(outcome);
    }
    return outcome;
  }

  /** @throws LockLostError, or CrossPartitionError if an operation is not in the partition of the lock. */
  private fenceFor(operations: readonly RowOperation[]): Fence | undefined {
    const { fence } = this;
    fence?.assertHeld();
    const outside = fence && operations.find(({ key }) => key.tag !== fence.tag);
    if (outside) throw new CrossPartitionError(fence.tag, outside.schema.name, outside.key.row);
    return fence;
  }

  /**
   * Adds to a counter of the row that the operation checks.
   *
   * @returns its new value as text.
   */
  async increment(
    operation: RowOperation,
    field: string,
    by: bigint,
    options: WriteOptions = {},
  ): Promise<string> {
    const extras = this.extrasOf(operation);
    checkWindow(operation.schema, options.opId);
    this.counters.operations.add('increment');
    const token = operationToken(options.opId, `increment ${operation.key.row}:${field}`);
    const input = incrementScriptArguments(operation, field, by, token, extras);
    const retry = operation.schema.hasWindow ? 'always' : 'safe';
    const answer = await this.scripts.run({ script: INCREMENT_SCRIPT, ...input }, retry, options);
    if (answer[0] !== 'OK') throw faultError(faultFrom(answer, [operation]));
    return answer[1];
  }

  /** Runs calls on a collection of an existing row. */
  async collect(
    place: CollectionPlace,
    calls: readonly CollectionCall[],
    options: WriteOptions = {},
  ): Promise<CollectionReplies> {
    const { schema, key } = place;
    const operation: RowOperation = { schema, key, mode: 'touch' };
    const extras = this.extrasOf(operation);
    checkWindow(schema, options.opId);
    this.counters.operations.add('collection', calls.length);
    const what = `${calls.map(({ command }) => command).join()} ${key.row}:${place.collection.property}`;
    const input = collectionScriptArguments(place, calls, operationToken(options.opId, what), extras);
    // A row does not remember writes of its collections; the window does.
    const retry = schema.hasWindow ? 'always' : 'safe';
    const answer = await this.scripts.runForBytes(
      { script: COLLECTION_SCRIPTS[formForCalls(calls)], ...input },
      retry,
      options,
    );
    if (answer[0].toString() === 'OK') return repliesOf(answer.slice(1));
    throw faultError(faultFrom(answer.map(String), [operation]));
  }

  private extrasOf(operation: RowOperation): CommitExtras {
    const { schema, key } = operation;
    return {
      window: schema.hasWindow ? windowKeys(key.tag) : undefined,
      fence: this.fenceFor([operation]),
      outbox: outboxFor([operation]),
    };
  }
}
