import type { Leftovers } from './committer.js';
import type { EntityContext } from './entity-context.js';
import { entityKeyIn, indexKey, uniqueKey } from './entity-key.js';
import type { EntitySchema } from './entity-schema.js';
import { dueRows } from './expiry-queue.js';
import { IndexReader, idTextOf } from './index-reader.js';
import { sweepOperation } from './write-planner.js';

/** Rows that are swept in one commit: while it runs, the server does nothing else. */
const BATCH = 50;

/** Entries that are cleared at once. */
const PAGE = 1_000;

/**
 * Takes away what expired rows of larger partitions leave: the row itself, for as long as the server keeps it, its
 * index entries and its uniques.
 */
export class ExpirySweeper {
  constructor(
    private readonly context: EntityContext,
    private readonly schema: EntitySchema,
  ) {}

  /**
   * Sweeps the partitions of the whole cluster.
   *
   * @returns how many rows are no more.
   */
  async sweepAll(limit: number, signal?: AbortSignal): Promise<number> {
    const { name, partitionName, partitionKey } = this.schema;
    if (!partitionKey) return 0; // the server itself has taken all there was
    const owned = `{${partitionName}:`;
    const index = `:${name}~ix`;
    let swept = 0;
    const keys = this.context.keys.keys(`${owned}*}${index}`, 'zset', INDEX_KEY);
    for await (const key of keys) {
      swept += await this.sweep(key.slice(0, -index.length), limit - swept, signal);
      if (swept >= limit) break;
    }
    return swept;
  }

  /** Sweeps one partition. */
  async sweep(tag: string, limit: number, signal?: AbortSignal): Promise<number> {
    if (!this.schema.partitionKey) return 0;
    const { client, committer } = this.context;
    const due = dueRows(client, this.schema, tag);
    let swept = 0;
    let behind: string | undefined;
    while (swept < limit) {
      signal?.throwIfAborted();
      const entries = await due.entries(behind, Math.min(BATCH, limit - swept));
      if (entries.length === 0) break;
      const operations = entries.map((entry) => this.operation(tag, idTextOf(entry)));
      const outcomes = await committer.sweep(operations, { signal });
      // The server took these rows before anybody swept them, and with them what tells their entries.
      const gone = new Set(entries.filter((_, i) => outcomes[i] === 'gone').map(idTextOf));
      if (gone.size > 0) await this.clear(tag, gone, signal);
      swept += outcomes.filter((outcome) => outcome !== 'kept').length;
      behind = entries.at(-1);
    }
    return swept;
  }

  /** Looks through the whole partition for what rows have left. */
  private async clear(tag: string, ids: ReadonlySet<string>, signal?: AbortSignal): Promise<void> {
    const found = new Map<string, { index: string[]; uniques: string[] }>();
    for (const id of ids) found.set(id, { index: [], uniques: [] });
    const all = new IndexReader(this.context.client, indexKey(this.schema, tag), [WHOLE]);
    for await (const entry of all.all()) found.get(idTextOf(entry))?.index.push(entry);
    const uniques = this.context.client.hscanIterator(uniqueKey(this.schema, tag), { count: PAGE });
    for await (const [entry, id] of uniques) found.get(id)?.uniques.push(entry);
    for (const [id, leftovers] of found) await this.clearRow(tag, id, leftovers, signal);
  }

  private async clearRow(tag: string, id: string, all: Leftovers, signal?: AbortSignal): Promise<void> {
    for (let from = 0; from < all.index.length || from < all.uniques.length; from += PAGE) {
      const some = {
        index: all.index.slice(from, from + PAGE),
        uniques: all.uniques.slice(from, from + PAGE),
      };
      await this.context.committer.clear(this.operation(tag, id), some, { signal });
    }
  }

  private operation(tag: string, idText: string): ReturnType<typeof sweepOperation> {
    return sweepOperation(this.schema, entityKeyIn(this.schema, tag, idText));
  }
}

const WHOLE = { from: Buffer.alloc(0), to: Buffer.from([0xff]) };
const INDEX_KEY = /^\{[^{}:~]+:[^{}:~]+\}:[^{}:~]+~ix$/;
