import { INDEX_LISTS, KEY_SUFFIXES } from '../keys/stored-names.js';
import { ExpiredRows, type SweepOutcome } from '../commit/expired-rows.js';
import { ScriptCaller } from '../scripts/script-caller.js';
import { type MaintenanceContext } from './maintenance-context.js';
import { onPrimaries } from '../common/entity-client.js';
import { entityKeyIn, indexKey, uniqueKey } from '../keys/entity-key.js';
import type { EntitySchema } from '../schema/entity-schema.js';
import { dueRows } from '../query/expiry-queue.js';
import { IndexAuditor, indexOf } from './index-auditor.js';
import { IndexReader } from '../query/index-reader.js';
import { idTextOf } from '../keys/index-entry.js';
import { sweepOperation } from '../operations/index-changes.js';
import { SweepBudget } from './sweep-budget.js';

/** How many rows are swept per commit. While it runs, the server runs nothing else. */
const BATCH = 50;

/** How many entries are read per batch. */
const PAGE = 1_000;

/** How many partitions are swept at the same time. */
const PARTITIONS = 16;

/**
 * Deletes what expired rows in larger partitions leave behind: the row itself, as long as the server keeps it, its
 * index entries, and its unique values.
 */
export class ExpirySweeper {
  private readonly auditor: IndexAuditor;
  private readonly expired: ExpiredRows;
  private readonly context: MaintenanceContext;

  constructor(
    context: MaintenanceContext,
    private readonly schema: EntitySchema,
  ) {
    this.context = onPrimaries(context);
    this.expired = new ExpiredRows(new ScriptCaller(context.primary));
    this.auditor = new IndexAuditor(this.context, schema, 'repair');
  }

  /**
   * Sweeps the partitions of the whole cluster, several at a time. If one fails, the walk ends.
   *
   * @returns how many rows were deleted.
   */
  async sweepAll(limit: number, signal?: AbortSignal): Promise<number> {
    const { name, partitionName, partitionKey } = this.schema;
    if (!partitionKey) return 0; // the server itself has deleted everything
    const owned = `{${partitionName}:`;
    const index = `:${name}${KEY_SUFFIXES.index}`;
    const keys = this.context.keys.keys(`${owned}*}${index}`, 'zset', INDEX_KEY);
    const budget = new SweepBudget(limit);
    let swept = 0;
    // All of them take keys from one walk, which ends for all once one of them leaves its loop.
    const sweepKeys = async (): Promise<void> => {
      for await (const key of keys) {
        const rows = await this.sweepWithin(budget, key.slice(0, -index.length), signal);
        swept += rows; // not in one statement: others add to it while this one waits
        if (swept >= limit) break;
      }
    };
    const ends = await Promise.allSettled(Array.from({ length: PARTITIONS }, sweepKeys));
    const failure = ends.find((end) => end.status === 'rejected');
    if (failure) throw failure.reason;
    return swept;
  }

  /** Sweeps one partition. */
  async sweep(tag: string, limit: number, signal?: AbortSignal): Promise<number> {
    if (!this.schema.partitionKey) return 0;
    return this.sweepWithin(new SweepBudget(limit), tag, signal);
  }

  private async sweepWithin(budget: SweepBudget, tag: string, signal?: AbortSignal): Promise<number> {
    const due = dueRows(this.context.client, this.schema, tag);
    const left = new Map<string, 'gone' | 'kept'>();
    let swept = 0;
    let cut: Buffer | undefined;
    for (;;) {
      signal?.throwIfAborted();
      const reserved = await budget.reserve(BATCH);
      if (reserved === 0) break;
      let used = 0;
      try {
        const entries = await due.entries(reserved, 'asc', cut);
        if (entries.length === 0) break;
        const operations = entries.map((entry) => this.operation(tag, idTextOf(entry)));
        const outcomes = await this.expired.sweep(operations, { signal });
        const those = (outcome: SweepOutcome): string[] => entries.filter((_, i) => outcomes[i] === outcome);
        // The server deleted these rows before they were swept, and with them the names of their entries.
        for (const entry of those('gone')) left.set(idTextOf(entry), 'gone');
        // If such a row was created again, the old row's entries in the queue and elsewhere still exist.
        for (const id of await this.clearQueue(tag, those('kept'))) left.set(id, 'kept');
        used = outcomes.filter((outcome) => outcome !== 'kept').length;
        swept += used;
        cut = due.cutAfter(entries.at(-1)!);
      } finally {
        budget.settle(reserved, used);
      }
    }
    if (left.size > 0) await this.clear(tag, left, signal);
    return swept;
  }

  /** Removes live rows from the queue if their entries there belong to an earlier row. @returns their ids. */
  private clearQueue(tag: string, entries: readonly string[]): Promise<Set<string>> {
    const suspects = new Map<string, { index: string[]; uniques: string[] }>();
    for (const entry of entries) {
      const id = idTextOf(entry);
      suspects.set(id, { index: [...(suspects.get(id)?.index ?? []), entry], uniques: [] });
    }
    return this.auditor.clear(tag, suspects);
  }

  /** Searches the whole partition once for entries that rows have left behind. */
  private async clear(
    tag: string,
    ids: ReadonlyMap<string, 'gone' | 'kept'>,
    signal?: AbortSignal,
  ): Promise<void> {
    const found = new Map<string, { index: string[]; uniques: string[] }>();
    for (const id of ids.keys()) found.set(id, { index: [], uniques: [] });
    const own = new Set([
      INDEX_LISTS.rows,
      INDEX_LISTS.expiry,
      INDEX_LISTS.deleted,
      ...this.schema.indexes.map(({ name }) => name),
    ]);
    // The entries of a live row in indexes of a newer class are unknown here.
    const leftBy = (id: string, entry: string) =>
      ids.get(id) === 'gone' || own.has(indexOf(entry)) ? found.get(id) : undefined;
    const all = new IndexReader(this.context.client, indexKey(this.schema, tag), [WHOLE]);
    for await (const entry of all.all()) {
      signal?.throwIfAborted();
      leftBy(idTextOf(entry), entry)?.index.push(entry);
    }
    const uniques = this.context.client.hscanIterator(uniqueKey(this.schema, tag), { count: PAGE });
    for await (const [entry, id] of uniques) leftBy(id, entry)?.uniques.push(entry);
    await this.auditor.clear(tag, found);
  }

  private operation(tag: string, idText: string): ReturnType<typeof sweepOperation> {
    return sweepOperation(this.schema, entityKeyIn(this.schema, tag, idText));
  }
}

const WHOLE = { from: Buffer.alloc(0), to: Buffer.from([0xff]) };
const INDEX_KEY = new RegExp(String.raw`^\{[^{}:~]+:[^{}:~]+\}:[^{}:~]+${KEY_SUFFIXES.index}$`);
