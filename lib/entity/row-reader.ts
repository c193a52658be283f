import type { EntityContext } from './entity-context.js';
import type { EntityKey } from './entity-key.js';
import type { LoadedRow, RowMapper } from './row-mapper.js';

type Fields = Record<string, Buffer>;

/** Reads one row, and remembers what it was. */
export async function loadRow(
  context: EntityContext,
  mapper: RowMapper,
  key: EntityKey,
): Promise<LoadedRow | null> {
  return remember(context, mapper, key, await context.client.hgetallBuffer(key.row));
}

/** Reads rows in one batch a node; positional, null where there is none. */
export async function loadRows(
  context: EntityContext,
  mapper: RowMapper,
  keys: readonly EntityKey[],
): Promise<(object | null)[]> {
  if (keys.length === 0) return [];
  const pipeline = context.client.pipeline();
  for (const { row } of keys) pipeline.hgetallBuffer(row);
  const results = (await pipeline.exec()) ?? [];
  return results.map(([error, fields], i) => {
    if (error) throw error;
    return remember(context, mapper, keys[i], fields as Fields)?.entity ?? null;
  });
}

function remember(
  { entities }: EntityContext,
  mapper: RowMapper,
  key: EntityKey,
  fields: Fields,
): LoadedRow | null {
  const row = mapper.load(key, fields);
  if (row) entities.loaded(key, row);
  return row;
}
