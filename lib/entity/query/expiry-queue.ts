import { INDEX_LISTS } from '../keys/stored-names.js';
import { type EntityClient, nowOf } from '../common/entity-client.js';
import { entityKeyIn, indexKey } from '../keys/entity-key.js';
import type { EntitySchema } from '../schema/entity-schema.js';
import { expectationOf } from '../rows/index-expectation.js';
import { IndexReader } from './index-reader.js';
import { idTextOf } from '../keys/index-entry.js';
import type { Fields } from '../rows/row-reader.js';

const QUEUE = `${INDEX_LISTS.expiry}\0`;

/** How many rows are read per batch. */
const BATCH = 500;

/** Returns a reader of the expired rows that wait to be swept, in the index of a partition; the oldest first. */
export function dueRows(client: EntityClient, schema: EntitySchema, tag: string): IndexReader {
  const from = Buffer.from(QUEUE);
  const to = Buffer.from(`${QUEUE}${String(nowOf(client)).padStart(16, '0')}\x01`);
  return new IndexReader(client, indexKey(schema, tag), [{ from, to }]);
}

/** Returns how many entries of an index belong to expired rows that wait to be swept. */
export async function countExpired(
  client: EntityClient,
  schema: EntitySchema,
  tag: string,
  index: IndexReader,
  due: IndexReader,
): Promise<number> {
  const ids = new Set<string>();
  for await (const entry of due.all()) ids.add(idTextOf(entry));
  const all = [...ids];
  const unreadable = new Set<string>();
  const replaced = new Map<string, ReadonlySet<string>>();
  let count = 0;
  for (let from = 0; from < all.length; from += BATCH) {
    const some = all.slice(from, from + BATCH);
    const pipeline = client.pipeline();
    for (const id of some) pipeline.hgetallBuffer(entityKeyIn(schema, tag, id).row);
    for (const [i, [error, row]] of ((await pipeline.exec()) ?? []).entries()) {
      if (error) throw error;
      const expected = expectationOf(schema, tag, some[i], row as Fields);
      const { version, expiresAt } = expected;
      const isPast = expiresAt !== '' && Number(expiresAt) <= nowOf(client);
      // The row was created again: entries that it should not have belong to the expired one.
      if (version !== '' && !isPast) {
        if (expected.unreadable === undefined) replaced.set(some[i], expected.index);
        continue;
      }
      // The server may have deleted the row, which named its entries.
      if (version === '' || expected.unreadable !== undefined) unreadable.add(some[i]);
      else for (const entry of expected.index) if (index.covers(entry)) count++;
    }
  }
  if (unreadable.size + replaced.size === 0) return count;
  for await (const entry of index.all()) {
    const id = idTextOf(entry);
    if (unreadable.has(id) || replaced.get(id)?.has(entry) === false) count++;
  }
  return count;
}

/** Sweeps the expired rows of a class in a partition. Resolves with the number of rows. */
export type SweepPartition = (schema: EntitySchema, tag: string) => Promise<number>;

/**
 * Reads at most `limit + 1` entries of an index, so that the caller can see whether there are more than the limit. If
 * there are, it sweeps the partition and reads again, because entries of expired rows do not count.
 */
export async function entriesAfterSweep(
  sweepPartition: SweepPartition,
  schema: EntitySchema,
  tag: string,
  index: IndexReader,
  limit: number,
): Promise<string[]> {
  const entries = await index.entries(limit + 1);
  if (entries.length <= limit) return entries;
  const swept = await sweepPartition(schema, tag);
  return swept === 0 ? entries : index.entries(limit + 1);
}
