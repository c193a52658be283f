import { deleteOperation } from '../commit/cascades.js';
import { checkFunction, checkWhole } from '../common/argument-checks.js';
import { checkEntityOptions } from '../common/check-entity-options.js';
import { type EntityKey, entityKeyIn, indexKey, uniqueKey } from '../keys/entity-key.js';
import { idTextOf } from '../keys/index-entry.js';
import { faultError } from '../operations/commit-faults.js';
import { MAX_TRANSACTION_ROWS } from '../operations/commit-limits.js';
import type { EntitySchema } from '../schema/entity-schema.js';
import { ScriptCaller } from '../scripts/script-caller.js';
import { CLEAR_LISTS_SCRIPT } from './clear-lists-script.js';
import type { PartitionContext } from './partition-context.js';
import { keysOfPartition } from './partition-keys.js';
import { ownerKey, rowList } from './row-list.js';

/** Options of `partition(key).delete()`. */
export interface PartitionDeleteOptions {
  /** How many rows are deleted per commit, from 1 to 100; 100 by default. The server runs nothing else meanwhile. */
  batch?: number | undefined;
  /** Called after each commit. The deletion waits for the promise that it returns. */
  onProgress?: ((progress: PartitionDeleteProgress) => unknown) | undefined;
  /** Ends the deletion between two commits, with the signal's reason. What was deleted stays deleted. */
  signal?: AbortSignal | undefined;
}

/** The progress of `partition(key).delete()`. */
export interface PartitionDeleteProgress {
  /** The entity whose rows were deleted last, by its name. */
  readonly entity: string;
  /** How many rows this call has deleted. */
  readonly rows: number;
  /** How many rows the partition had when this call began, according to its lists of rows. */
  readonly total: number;
}

/** The result of `partition(key).delete()`. */
export interface PartitionDeletion {
  /** How many rows were deleted. */
  readonly rows: number;
  /** Keys that have the partition's hash tag and belong to no registered class. They were left unchanged. */
  readonly unknown: readonly string[];
}

/** How often the keys of the partition are listed again because rows were found that no list contains. */
const ROUNDS = 10;

/** Deletes the rows of all registered classes in a partition: those that joined it first, then its owner. */
export async function deletePartition(
  context: PartitionContext,
  tag: string,
  options: PartitionDeleteOptions = {},
): Promise<PartitionDeletion> {
  checkEntityOptions('partition.delete()', options);
  const { batch = MAX_TRANSACTION_ROWS, onProgress } = options;
  checkWhole('batch', batch, 1, MAX_TRANSACTION_ROWS);
  if (onProgress !== undefined) checkFunction('onProgress', onProgress);
  return new Deletion(context, tag, { ...options, batch }).run();
}

class Deletion {
  private readonly scripts: ScriptCaller;
  private rows = 0;
  private total = 0;

  constructor(
    private readonly context: PartitionContext,
    private readonly tag: string,
    private readonly options: PartitionDeleteOptions & { readonly batch: number },
  ) {
    this.scripts = new ScriptCaller(context.primary);
  }

  async run(): Promise<PartitionDeletion> {
    const { context, tag } = this;
    const schemas = context.schemas.inPartition(tag);
    const members = schemas.filter(({ partitionKey }) => partitionKey);
    const owners = schemas.filter(({ partitionKey }) => !partitionKey);
    const lists = members.map((schema) => ({ schema, list: rowList(context.primary, schema, tag) }));
    const counts = await Promise.all(lists.map(({ list }) => list.count()));
    this.total = counts.reduce((sum, count) => sum + count, owners.length);
    for (const { schema, list } of lists) {
      for (;;) {
        const entries = await list.entries(this.options.batch);
        if (entries.length === 0) break;
        await this.deleteRows(
          schema,
          entries.map((entry) => entityKeyIn(schema, tag, idTextOf(entry))),
        );
      }
      await this.clearLists(schema);
    }
    for (const schema of owners) await this.deleteRows(schema, [ownerKey(schema, tag)]);
    return { unknown: await this.deleteUnlisted(members), rows: this.rows };
  }

  /** Deletes rows that are in no list, as other programs may have written them. Returns the keys of no class. */
  private async deleteUnlisted(members: readonly EntitySchema[]): Promise<readonly string[]> {
    for (let round = 1; ; round++) {
      const { rows, lists, unknown } = await keysOfPartition(this.context, this.tag);
      const found = [...rows].filter(([, keys]) => keys.length > 0);
      if (round === ROUNDS || (found.length === 0 && lists.length === 0)) return unknown;
      for (const [schema, keys] of found)
        for (let from = 0; from < keys.length; from += this.options.batch)
          await this.deleteRows(schema, keys.slice(from, from + this.options.batch));
      for (const schema of members) await this.clearLists(schema);
    }
  }

  private async deleteRows(schema: EntitySchema, keys: readonly EntityKey[]): Promise<void> {
    const { signal, onProgress } = this.options;
    signal?.throwIfAborted();
    const operations = keys.map((key) => deleteOperation(schema, key));
    const outcome = await this.context.committer.tryCommit(operations, { signal });
    if (outcome.fault) throw faultError(outcome);
    this.rows += outcome.versions.filter((version) => version !== undefined).length;
    await onProgress?.({ entity: schema.name, rows: this.rows, total: this.total });
  }

  private async clearLists(schema: EntitySchema): Promise<void> {
    const keys = [indexKey(schema, this.tag), uniqueKey(schema, this.tag)];
    await this.scripts.run({ script: CLEAR_LISTS_SCRIPT, keys, args: [] }, 'always');
  }
}
