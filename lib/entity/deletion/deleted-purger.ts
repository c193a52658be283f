import type { Committer } from '../commit/committer.js';
import type { WritePlanner } from '../commit/write-planner.js';
import { type EntityKey, entityKeyIn, entityKeyOfRow } from '../keys/entity-key.js';
import { idTextOf } from '../keys/index-entry.js';
import type { KeyWalker } from '../keys/key-walker.js';
import { KEY_SUFFIXES } from '../keys/stored-names.js';
import { faultError } from '../operations/commit-faults.js';
import type { RowMapper } from '../rows/row-mapper.js';
import { type RowContext, loadRows } from '../rows/row-reader.js';
import { deletionOf } from '../schema/deletion-schema.js';
import { deletedEntries } from './deleted-rows.js';

/** How many rows are read, and deleted, per batch. */
const BATCH = 100;

/** The parts that rows are purged with. */
interface PurgeContext extends Omit<RowContext, 'committer'> {
  readonly keys: KeyWalker;
  readonly planner: WritePlanner;
  readonly committer: Committer;
}

/** Which rows are purged. */
export interface Purge {
  /** Rows that were deleted before this time. */
  readonly before: Date;
  readonly limit: number;
  readonly signal?: AbortSignal | undefined;
}

/** Deletes rows for good that were deleted softly some time ago. */
export class DeletedPurger {
  constructor(
    private readonly context: PurgeContext,
    private readonly mapper: RowMapper,
  ) {}

  /** Purges one partition, or all. @returns how many rows were deleted. */
  async purge(tag: string | undefined, purge: Purge): Promise<number> {
    let purged = 0;
    for await (const keys of this.batches(tag, purge.before)) {
      purge.signal?.throwIfAborted();
      purged += await this.purgeRows(keys, { ...purge, limit: purge.limit - purged });
      if (purged >= purge.limit) break;
    }
    return purged;
  }

  private async *batches(tag: string | undefined, before: Date): AsyncGenerator<EntityKey[]> {
    const { schema } = this.mapper;
    let batch: EntityKey[] = [];
    for await (const key of schema.partitionKey ? this.listed(tag, before) : this.owners(tag)) {
      batch.push(key);
      if (batch.length < BATCH) continue;
      yield batch;
      batch = [];
    }
    if (batch.length > 0) yield batch;
  }

  /** The rows of one partition, or of all that have an index, that were deleted before a time. */
  private async *listed(tag: string | undefined, before: Date): AsyncGenerator<EntityKey> {
    const { schema } = this.mapper;
    if (tag !== undefined) {
      for await (const entry of deletedEntries(this.context.client, schema, tag, before).all())
        yield entityKeyIn(schema, tag, idTextOf(entry));
      return;
    }
    const suffix = `:${schema.name}${KEY_SUFFIXES.index}`;
    for await (const key of this.context.keys.keys(`{${schema.partitionName}:*}${suffix}`, 'zset', INDEX_KEY))
      yield* this.listed(key.slice(0, -suffix.length), before);
  }

  /** The rows of a class whose rows are their own partitions. */
  private async *owners(tag: string | undefined): AsyncGenerator<EntityKey> {
    const { schema } = this.mapper;
    const pattern = `${tag ?? `{${schema.name}:*}`}:${schema.name}:*`;
    if (tag !== undefined) {
      yield entityKeyIn(schema, tag, tag.slice(schema.name.length + 2, -1));
      return;
    }
    for await (const row of this.context.keys.keys(pattern, 'hash', ROW_KEY)) {
      const key = entityKeyOfRow(schema, row);
      if (key) yield key;
    }
  }

  private async purgeRows(keys: readonly EntityKey[], { before, limit, signal }: Purge): Promise<number> {
    const { property, field } = deletionOf(this.mapper.schema);
    const entities = await loadRows(this.context, this.mapper, keys, 'included');
    const operations = keys.flatMap((key, i) => {
      const at = entities[i] && (Reflect.get(entities[i], property) as Date | undefined);
      if (!at || at >= before) return [];
      // A row that was restored in the meantime is left.
      const guards = [[property, String(field.codec.encode(at))] as const];
      return [{ ...this.context.planner.delete(this.mapper, key), guards }];
    });
    let purged = 0;
    const outcomes = await this.context.committer.tryCommitMany(operations.slice(0, limit), { signal });
    for (const outcome of outcomes) {
      if (outcome instanceof Error) throw outcome;
      if (outcome.fault === undefined) purged += outcome.versions[0] === undefined ? 0 : 1;
      else if (outcome.fault !== 'CHANGED') throw faultError(outcome);
    }
    return purged;
  }
}

const INDEX_KEY = new RegExp(String.raw`^\{[^{}:~]+:[^{}:~]+\}:[^{}:~]+${KEY_SUFFIXES.index}$`);
const ROW_KEY = /^\{[^{}:~]+:[^{}:~]+\}:[^{}:~]+:[^{}:~]+$/;
