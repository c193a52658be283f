import type { EntityClient } from '../common/entity-client.js';
import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { entityKeyIn, indexKey } from '../keys/entity-key.js';
import { idTextOf } from '../keys/index-entry.js';
import { INDEX_LISTS } from '../keys/stored-names.js';
import { DEFAULT_PAGE_LIMIT, MAX_PAGE_LIMIT, type Page } from '../query/entity-finder.js';
import { IndexReader } from '../query/index-reader.js';
import type { RowMapper } from '../rows/row-mapper.js';
import { type RowContext, loadRows } from '../rows/row-reader.js';
import { isDeleted } from '../schema/deletion-schema.js';
import type { EntitySchema } from '../schema/entity-schema.js';
import { deletionOf } from '../schema/deletion-checks.js';

/** Returns a reader of the deleted rows in a partition, the oldest deletion first. */
export function deletedEntries(client: EntityClient, schema: EntitySchema, tag: string): IndexReader {
  deletionOf(schema);
  if (!schema.partitionKey)
    throw new InvalidArgumentError(
      'partition',
      `Each ${schema.name} is a partition of its own, so no list has its deleted rows: read one by its key, with ` +
        '{ withDeleted: true }',
    );
  const [from, to] = ['\0', '\x01'].map((end) => Buffer.from(INDEX_LISTS.deleted + end));
  return new IndexReader(client, indexKey(schema, tag), [{ from, to }]);
}

/** Reads one page of the deleted rows in a partition, the oldest deletion first. */
export async function deletedPage<E extends object>(
  context: RowContext,
  mapper: RowMapper,
  tag: string,
  limit: number = DEFAULT_PAGE_LIMIT,
  cursor?: string,
): Promise<Page<E>> {
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > MAX_PAGE_LIMIT)
    throw new InvalidArgumentError('limit', `limit must be a whole number from 1 to ${MAX_PAGE_LIMIT}`);
  const reader = deletedEntries(context.client, mapper.schema, tag);
  let after = cursor === undefined ? undefined : reader.entryOf(cursor);
  const items: E[] = [];
  for (;;) {
    const wanted = limit - items.length;
    const entries = await reader.entries(after, wanted + 1);
    const read = entries.slice(0, wanted);
    const keys = read.map((entry) => entityKeyIn(mapper.schema, tag, idTextOf(entry)));
    for (const entity of await loadRows(context, mapper, keys, 'included'))
      if (entity && isDeleted(mapper.schema, entity)) items.push(entity as E);
    if (entries.length === read.length) return { items };
    after = read.at(-1)!;
    if (items.length === limit) return { items, cursor: reader.cursorAfter(after) };
  }
}
