import { describeOther } from '../../cluster/common/describe-value.js';
import type { EntityClient } from '../common/entity-client.js';
import { checkWhole } from '../common/argument-checks.js';
import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { entityKeyIn, indexKey } from '../keys/entity-key.js';
import { idTextOf } from '../keys/index-entry.js';
import { INDEX_LISTS } from '../keys/stored-names.js';
import { IndexReader } from '../query/index-reader.js';
import { MAX_PAGE_LIMIT, type Page } from '../query/query-options.js';
import type { RowMapper } from '../rows/row-mapper.js';
import { type RowContext, loadRows } from '../rows/row-reader.js';
import { deletionOf, isDeleted } from '../schema/deletion-schema.js';
import type { EntitySchema } from '../schema/entity-schema.js';

const DEFAULT_PAGE_LIMIT = 100;

/** Options of `findDeleted`. */
export interface DeletedPageOptions {
  /** The page size: 100 by default, at most 1,000. */
  limit?: number | undefined;
  /** The cursor of the previous page. Without it, the first page is read. */
  cursor?: string | undefined;
}

/**
 * Returns a reader of the deleted rows in a partition, the oldest deletion first.
 *
 * @param before leaves out rows that were deleted at this time or later.
 */
export function deletedEntries(
  client: EntityClient,
  schema: EntitySchema,
  tag: string,
  before?: Date,
): IndexReader {
  const { codec } = deletionOf(schema).field;
  if (!schema.partitionKey)
    throw new InvalidArgumentError(
      'partition',
      `Each ${schema.name} is a partition of its own, so no list has its deleted rows: read one by its key, with ` +
        '{ withDeleted: true }',
    );
  const ends = ['\0', before ? `\0${codec.order(before)}` : '\x01'];
  const [from, to] = ends.map((end) => Buffer.from(INDEX_LISTS.deleted + end));
  return new IndexReader(client, indexKey(schema, tag), [{ from, to }]);
}

/** Reads one page of the deleted rows in a partition, the oldest deletion first. */
export async function deletedPage<E extends object>(
  context: RowContext,
  mapper: RowMapper,
  tag: string,
  { limit = DEFAULT_PAGE_LIMIT, cursor }: DeletedPageOptions,
): Promise<Pick<Page<E>, 'items' | 'cursor'>> {
  checkWhole('limit', limit, 1, MAX_PAGE_LIMIT);
  const reader = deletedEntries(context.client, mapper.schema, tag);
  let cut = cursor === undefined ? undefined : cutOf(reader, cursor);
  const items: E[] = [];
  for (;;) {
    const wanted = limit - items.length;
    const entries = await reader.entries(wanted + 1, 'asc', cut);
    const read = entries.slice(0, wanted);
    const keys = read.map((entry) => entityKeyIn(mapper.schema, tag, idTextOf(entry)));
    for (const entity of await loadRows(context, mapper, keys, 'included'))
      if (entity && isDeleted(mapper.schema, entity)) items.push(entity as E);
    if (entries.length === read.length) return { items };
    cut = reader.cutAfter(read.at(-1)!);
    if (items.length === limit) return { items, cursor: cut.toString('base64url') };
  }
}

function cutOf(reader: IndexReader, cursor: string): Buffer {
  const cut = Buffer.from(String(cursor), 'base64url');
  if (cut.toString('base64url') === cursor && reader.hasCut(cut)) return cut;
  throw new InvalidArgumentError(
    'cursor',
    `cursor must be one that findDeleted() returned for this class, got ${describeOther(cursor)}`,
  );
}
