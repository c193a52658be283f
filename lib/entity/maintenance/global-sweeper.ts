import { delay as sleep } from '../../cluster/common/timers.js';
import type { EntityClient } from '../common/entity-client.js';
import type { EntitySchema, GlobalIndexSchema } from '../schema/entity-schema.js';
import {
  type GlobalEntry,
  bucketsOf,
  keyOfReference,
  referenceInRecord,
  tokenInRecord,
} from '../keys/global-entry.js';
import { GRACE_MS, endEntry } from '../global/global-protocol.js';
import type { GlobalSteps } from '../global/global-steps.js';
import { IndexReader } from '../query/index-reader.js';
import { idTextOf } from '../keys/index-entry.js';

/** How many entries are resolved per batch. */
const BATCH = 200;

/** How many open entries are remembered before they are fenced. */
const MOST_OPEN = 10_000;

/** An entry that was found in its key. */
interface FoundEntry {
  readonly entry: GlobalEntry;
  readonly token: string;
}

/**
 * Deletes entries of global indexes and unique constraints that no row holds: those of rows that expired or that other
 * programs deleted, and those of interrupted writes. It asks the row of each entry, with one script per entry.
 */
export class GlobalSweeper {
  constructor(
    private readonly client: EntityClient,
    private readonly steps: GlobalSteps,
    private readonly schema: EntitySchema,
  ) {}

  /** @returns the number of entries that were deleted. */
  async sweep(limit: number, signal?: AbortSignal): Promise<number> {
    let swept = 0;
    let open: FoundEntry[] = [];
    // A write in flight will soon hold its entries; only entries that stay open longer are fenced.
    const giveUp = async (): Promise<void> => {
      if (open.length > 0) await sleep(GRACE_MS, undefined, { signal });
      swept += await this.endAll(open.slice(0, limit - swept));
      open = [];
    };
    for await (const batch of inBatches(this.all())) {
      signal?.throwIfAborted();
      const fates = await Promise.all(
        batch.map(({ entry, token }) => this.steps.resolve(entry, token, false)),
      );
      const dead = batch.filter((_, i) => fates[i] === 'dead');
      swept += await this.endAll(dead.slice(0, limit - swept));
      open.push(...batch.filter((_, i) => fates[i] === 'open'));
      if (open.length >= MOST_OPEN || swept + open.length >= limit) await giveUp();
      if (swept >= limit) return swept;
    }
    await giveUp();
    return swept;
  }

  /** @returns the number of entries that no row held. */
  private async endAll(entries: readonly FoundEntry[]): Promise<number> {
    let ended = 0;
    for (let from = 0; from < entries.length; from += BATCH) {
      const some = entries.slice(from, from + BATCH);
      const ends = await Promise.all(some.map(({ entry, token }) => endEntry(this.steps, entry, token)));
      ended += ends.filter(Boolean).length;
    }
    return ended;
  }

  private async *all(): AsyncGenerator<FoundEntry> {
    for (const index of this.schema.globals)
      for (const bucket of bucketsOf(index)) yield* this.entries(index, bucket);
  }

  private async *entries(index: GlobalIndexSchema, bucket: string): AsyncGenerator<FoundEntry> {
    if (index.kind === 'unique') {
      for await (const [encodings, record] of this.client.hscanIterator(bucket, { count: BATCH })) {
        const key = keyOfReference(this.schema, referenceInRecord(record));
        yield { entry: { schema: this.schema, index, key, encodings }, token: tokenInRecord(record) };
      }
      return;
    }
    for await (const member of new IndexReader(this.client, bucket, [WHOLE]).all()) {
      const token = idTextOf(member);
      const entry = member.slice(0, -token.length - 1);
      const reference = idTextOf(entry);
      const key = keyOfReference(this.schema, reference);
      const encodings = entry.slice(0, -reference.length - 1);
      yield { entry: { schema: this.schema, index, key, encodings }, token };
    }
  }
}

async function* inBatches<T>(all: AsyncIterable<T>): AsyncGenerator<T[]> {
  let batch: T[] = [];
  for await (const one of all) {
    batch.push(one);
    if (batch.length < BATCH) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

const WHOLE = { from: Buffer.alloc(0), to: Buffer.from([0xff]) };
