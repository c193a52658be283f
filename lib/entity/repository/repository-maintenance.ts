import { InvalidArgumentError } from '../../cluster/common/errors.js';
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
import { RepositoryReads } from './repository-reads.js';
import type { GlobalSweepOptions, SweepOptions } from '../maintenance/sweep-options.js';

/** What keeps the stored rows of a class, and what goes with them, in order. */
export abstract class RepositoryMaintenance<E extends object> extends RepositoryReads<E> {
  /**
   * Takes away what expired rows have left behind in larger partitions: the server keeps such a row for a day, and its
   * index entries for good. Reads and queries pass over them, so this bounds memory and nothing else. Rows that are
   * partitions of their own leave nothing here; entries of global indexes are for `sweepGlobals`.
   *
   * @returns how many rows are no more.
   */
  async sweepExpired(options: SweepOptions<E> = {}): Promise<{ swept: number }> {
    checkEntityOptions('sweepExpired()', options);
    const { partition, limit = Infinity, signal } = options;
    checkLimit(limit);
    const sweeper = new ExpirySweeper(this.context, this.mapper.schema);
    if (partition === undefined) return { swept: await sweeper.sweepAll(limit, signal) };
    return { swept: await sweeper.sweep(partitionTag(this.mapper.schema, partition), limit, signal) };
  }

  /**
   * Takes away entries of global indexes and uniques that no row holds: those of rows that have expired or that others
   * have deleted, and those of writes that ended half-way. Reads pass over them, and who wants the value of a unique
   * takes it, so this bounds memory and nothing else. It asks for the row of every entry.
   *
   * @returns how many entries are no more.
   */
  async sweepGlobals(options: GlobalSweepOptions = {}): Promise<{ swept: number }> {
    checkEntityOptions('sweepGlobals()', options);
    const { limit = Infinity, signal } = options;
    checkLimit(limit);
    const { client } = this.context;
    const steps = new ServerSteps(new ScriptCaller(client));
    return { swept: await new GlobalSweeper(client, steps, this.mapper.schema).sweep(limit, signal) };
  }

  /**
   * Holds indexes and uniques, also global ones, against the rows, and gives what does not agree. It writes nothing,
   * holds a hundred rows at a time, and may run while others write: every fault is one of a single moment.
   *
   * ```ts
   * for await (const { fault, index, key } of items.verifyIndexes()) console.warn(fault, index, key);
   * ```
   */
  async *verifyIndexes(options: MaintenanceOptions<E> = {}): AsyncGenerator<IndexIssue<E>, void, undefined> {
    checkEntityOptions('verifyIndexes()', options);
    const { schema } = this.mapper;
    const tag = this.tagOf(options.partition);
    yield* verifyIndexes(this.context, schema, tag, options.signal) as AsyncGenerator<IndexIssue<E>>;
  }

  /**
   * Puts indexes and uniques right, also global ones, while others write. It tells how far it has come after each
   * thousand slots; a run that has ended goes on from the last cursor. When the whole cluster is done, and nothing was
   * left, indexes that were being built are ready.
   *
   * ```ts
   * for await (const { cursor, done } of items.reindex({ cursor: saved })) saved = cursor;
   * ```
   *
   * @throws InvalidArgumentError for a cursor that is none.
   */
  async *reindex(options: ReindexOptions<E> = {}): AsyncGenerator<ReindexProgress<E>, void, undefined> {
    checkEntityOptions('reindex()', options);
    const { schema } = this.mapper;
    const tag = this.tagOf(options.partition);
    yield* reindex(this.context, schema, tag, options) as AsyncGenerator<ReindexProgress<E>>;
  }
}

function checkLimit(limit: number): void {
  if (limit !== Infinity && !(Number.isSafeInteger(limit) && limit >= 1))
    throw new InvalidArgumentError('limit', 'limit must be a whole number from 1');
}
