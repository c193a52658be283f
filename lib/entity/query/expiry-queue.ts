import { INDEX_LISTS } from '../keys/stored-names.js';
import type { EntityClient } from '../common/entity-client.js';
import { entityKeyIn, indexKey } from '../keys/entity-key.js';
import type { EntitySchema } from '../schema/entity-schema.js';
import { expectationOf } from '../rows/index-expectation.js';
import { IndexReader } from './index-reader.js';
import { idTextOf } from '../keys/index-entry.js';
import type { Fields } from '../rows/row-reader.js';

const QUEUE = `${INDEX_LISTS.expiry}\0`;

/** Rows that are read at once. */
const BATCH = 500;

/** The entries, in the index of a partition, of rows that have expired and are still to be swept; the oldest first. */
export function dueRows(client: EntityClient, schema: EntitySchema, tag: string): IndexReader {
  const from = Buffer.from(QUEUE);
  const to = Buffer.from(`${QUEUE}${String(Date.now()).padStart(16, '0')}\x01`);
  return new IndexReader(client, indexKey(schema, tag), [{ from, to }]);
}

/** How many of the entries of an index are of rows that have expired, and are still to be swept. */
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
  const untold = new Set<string>();
  const anew = new Map<string, ReadonlySet<string>>();
  let count = 0;
  for (let from = 0; from < all.length; from += BATCH) {
    const some = all.slice(from, from + BATCH);
    const pipeline = client.pipeline();
    for (const id of some) pipeline.hgetallBuffer(entityKeyIn(schema, tag, id).row);
    for (const [i, [error, row]] of ((await pipeline.exec()) ?? []).entries()) {
      if (error) throw error;
      const expected = expectationOf(schema, tag, some[i], row as Fields);
      const { version, expiresAt, unreadable } = expected;
      const isPast = expiresAt !== '' && Number(expiresAt) <= Date.now();
      // Others have made the row anew since: what it should not have is of the former one.
      if (version !== '' && !isPast) {
        if (unreadable === undefined) anew.set(some[i], expected.index);
        continue;
      }
      // The server may have taken the row, and with it what tells its entries.
      if (version === '' || unreadable !== undefined) untold.add(some[i]);
      else for (const entry of expected.index) if (index.covers(entry)) count++;
    }
  }
  if (untold.size + anew.size === 0) return count;
  for await (const entry of index.all()) {
    const id = idTextOf(entry);
    if (untold.has(id) || anew.get(id)?.has(entry) === false) count++;
  }
  return count;
}

/** Sweeps the expired rows of a class in a partition. Resolves with how many there were. */
export type SweepPartition = (schema: EntitySchema, tag: string) => Promise<number>;

/**
 * Entries of an index, and one more where there are more than the limit. Entries of expired rows do not count: where
 * they may be why there are so many, the partition is swept first.
 */
export async function entriesAfterSweep(
  sweepPartition: SweepPartition,
  schema: EntitySchema,
  tag: string,
  index: IndexReader,
  limit: number,
): Promise<string[]> {
  const entries = await index.entries(undefined, limit + 1);
  if (entries.length <= limit) return entries;
  const swept = await sweepPartition(schema, tag);
  return swept === 0 ? entries : index.entries(undefined, limit + 1);
}
