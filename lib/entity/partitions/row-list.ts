import { INDEX_LISTS } from '../keys/stored-names.js';
import type { EntityClient } from '../common/entity-client.js';
import { type EntityKey, entityKeyIn, indexKey } from '../keys/entity-key.js';
import { idTextOf } from '../keys/index-entry.js';
import { IndexReader } from '../query/index-reader.js';
import type { EntitySchema } from '../schema/entity-schema.js';

/** Returns a reader of the list of all rows of a class in a partition. */
export const rowList = (client: EntityClient, schema: EntitySchema, tag: string): IndexReader =>
  new IndexReader(client, indexKey(schema, tag), [
    { from: Buffer.from(`${INDEX_LISTS.rows}\0`), to: Buffer.from(`${INDEX_LISTS.rows}\x01`) },
  ]);

/** Returns the key of the row that owns a partition. */
export const ownerKey = (schema: EntitySchema, tag: string): EntityKey =>
  entityKeyIn(schema, tag, tag.slice(schema.partitionName.length + 2, -1));

/** Yields the keys of all rows of a class in a partition, in batches. */
export async function* rowKeys(
  client: EntityClient,
  schema: EntitySchema,
  tag: string,
  batch: number,
): AsyncGenerator<EntityKey[], void, undefined> {
  if (!schema.partitionKey) {
    yield [ownerKey(schema, tag)];
    return;
  }
  const list = rowList(client, schema, tag);
  for (let cut: Buffer | undefined; ;) {
    const entries = await list.entries(batch, 'asc', cut);
    if (entries.length > 0) yield entries.map((entry) => entityKeyIn(schema, tag, idTextOf(entry)));
    if (entries.length < batch) return;
    cut = list.cutAfter(entries.at(-1)!);
  }
}
