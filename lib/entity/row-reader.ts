import type { EntityContext } from './entity-context.js';
import type { EntityKey } from './entity-key.js';
import type { LoadedRow, RowMapper } from './row-mapper.js';

/** A row as HGETALL answers it. */
export type Fields = Record<string, Buffer>;

/** Reads one row, and remembers what it was. */
export async function loadRow(
  context: EntityContext,
  mapper: RowMapper,
  key: EntityKey,
): Promise<LoadedRow | null> {
  return rememberRow(context, mapper, key, await context.client.hgetallBuffer(key.row));
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
    return rememberRow(context, mapper, keys[i], fields as Fields)?.entity ?? null;
  });
}

/** Makes a row of what was read, and remembers what it was; null where there is none. */
export function rememberRow(
  { entities }: EntityContext,
  mapper: RowMapper,
  key: EntityKey,
  fields: Fields,
): LoadedRow | null {
  const row = mapper.load(key, fields);
  if (row) entities.loaded(key, row);
  return row;
}
