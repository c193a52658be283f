import { checkWhole } from '../common/argument-checks.js';
import { partitionTag } from '../keys/entity-key.js';
import { checkEntityOptions } from '../common/check-entity-options.js';
import { ServerSteps } from '../global/server-steps.js';
import { ExpirySweeper } from '../maintenance/expiry-sweeper.js';
import { GlobalSweeper } from '../maintenance/global-sweeper.js';
import { ScriptCaller } from '../scripts/script-caller.js';
import type { IndexIssue } from '../maintenance/index-auditor.js';
import {
  type ReindexOptions,
  type ReindexProgress,
  type MaintenanceOptions,
  reindex,
  verifyIndexes,
} from '../maintenance/index-maintenance.js';
import { type MigrateOptions, type MigrationProgress, migrateRows } from '../maintenance/row-migration.js';
import { PARTS } from './repository-parts.js';
import { RepositoryReads } from './repository-reads.js';
import type { GlobalSweepOptions, SweepOptions } from '../maintenance/sweep-options.js';

/** The maintenance of a class: sweeping expired rows, verifying and rebuilding indexes. */
export abstract class RepositoryMaintenance<E extends object> extends RepositoryReads<E> {
  /**
   * Deletes what expired rows leave in partitions of several rows: the server keeps such a row for a day, and its
   * index entries forever. Reads and queries skip them, so this only frees memory. A row that is a partition of its
   * own leaves nothing here. For entries of global indexes, use `sweepGlobals`.
   *
   * @returns how many rows were deleted.
   */
  async sweepExpired(options: SweepOptions<E> = {}): Promise<{ swept: number }> {
    checkEntityOptions('sweepExpired()', options);
    const { partition, limit = Infinity, signal } = options;
    checkWhole('limit', limit, 1, Infinity);
    const sweeper = new ExpirySweeper(this[PARTS].context, this[PARTS].mapper.schema);
    if (partition === undefined) return { swept: await sweeper.sweepAll(limit, signal) };
    return { swept: await sweeper.sweep(partitionTag(this[PARTS].mapper.schema, partition), limit, signal) };
  }

  /**
   * Deletes entries of global indexes and unique constraints that no row holds: entries of rows that expired or that
   * other programs deleted, and of writes that were interrupted. Reads skip them, and a write can take a unique value
   * from them, so this only frees memory. It reads the row of every entry.
   *
   * @returns how many entries were deleted.
   */
  async sweepGlobals(options: GlobalSweepOptions = {}): Promise<{ swept: number }> {
    checkEntityOptions('sweepGlobals()', options);
    const { limit = Infinity, signal } = options;
    checkWhole('limit', limit, 1, Infinity);
    const { client } = this[PARTS].context;
    const steps = new ServerSteps(new ScriptCaller(client));
    return { swept: await new GlobalSweeper(client, steps, this[PARTS].mapper.schema).sweep(limit, signal) };
  }

  /**
   * Compares indexes and unique constraints, also global ones, with the rows, and returns the differences. It writes
   * nothing, and holds a hundred rows in memory at a time. You can run it while other processes write: each fault that
   * it reports existed at one moment.
   *
   * ```ts
   * for await (const { fault, index, key } of items.verifyIndexes()) console.warn(fault, index, key);
   * ```
   */
  async *verifyIndexes(options: MaintenanceOptions<E> = {}): AsyncGenerator<IndexIssue<E>, void, undefined> {
    checkEntityOptions('verifyIndexes()', options);
    const { schema } = this[PARTS].mapper;
    const tag = this.tagOf(options.partition);
    yield* verifyIndexes(this[PARTS].context, schema, tag, options.signal) as AsyncGenerator<IndexIssue<E>>;
  }

  /**
   * Repairs indexes and unique constraints, also global ones, while other processes write. It reports its progress
   * about every thousand slots; to resume an interrupted run, pass the last cursor. Once it has covered the whole
   * cluster and everything was repaired, indexes that were being built are ready.
   *
   * ```ts
   * for await (const { cursor, done } of items.reindex({ cursor: saved })) saved = cursor;
   * ```
   *
   * @throws InvalidArgumentError if the cursor is not valid.
   */
  async *reindex(options: ReindexOptions<E> = {}): AsyncGenerator<ReindexProgress<E>, void, undefined> {
    checkEntityOptions('reindex()', options);
    const { schema } = this[PARTS].mapper;
    const tag = this.tagOf(options.partition);
    yield* reindex(this[PARTS].context, schema, tag, options) as AsyncGenerator<ReindexProgress<E>>;
  }

  /**
   * Writes the rows of the class as it declares them now, while other processes write: properties with `renamedFrom` or
   * `convertFrom` under their names and in their types, and defaults where a row lacks the property. It writes a row only
   * at the version that it read, runs no hooks, and leaves `@UpdatedAt` unchanged. Once it has covered the whole cluster
   * without a failure, `renamedFrom` and `convertFrom` can be removed from the class.
   *
   * ```ts
   * await tasks.migrate({ cursor: saved, onProgress: async ({ cursor }) => save(cursor) });
   * ```
   *
   * @returns the progress at the end.
   * @throws InvalidArgumentError if the cursor is not valid, SchemaRecordError if stored rows do not fit the class.
   */
  async migrate(options: MigrateOptions<E> = {}): Promise<MigrationProgress<E>> {
    checkEntityOptions('migrate()', options);
    const { context, mapper } = this[PARTS];
    return migrateRows(context, context.committer, mapper, options);
  }
}
