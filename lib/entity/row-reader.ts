import type { EntityContext } from './entity-context.js';
import type { EntityKey } from './entity-key.js';
import { runHooks } from './lifecycle-hooks.js';
import type { LoadedRow, RowMapper } from './row-mapper.js';

/** A row as HGETALL answers it. */
export type Fields = Record<string, Buffer>;

/** Reads one row, and remembers what it was. */
export async function loadRow(
  context: EntityContext,
  mapper: RowMapper,
  key: EntityKey,
): Promise<LoadedRow | null> {
  const row = rememberRow(context, mapper, key, await context.client.hgetallBuffer(key.row));
  if (row) await runHooks(mapper.schema, 'after load', row.entity);
  return row;
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
  const entities = results.map(([error, fields], i) => {
    if (error) throw error;
    return rememberRow(context, mapper, keys[i], fields as Fields)?.entity ?? null;
  });
  await runLoadHooks(mapper, entities);
  return entities;
}

/** Runs what is to be run after entities were loaded. */
export async function runLoadHooks(
  { schema }: RowMapper,
  entities: readonly (object | null)[],
): Promise<void> {
  if (schema.hooks.has('after load'))
    await Promise.all(entities.map((entity) => entity && runHooks(schema, 'after load', entity)));
}

/** Makes a row of what was read, and remembers what it was; null where there is none. */
export function rememberRow(
  { entities, committer }: EntityContext,
  mapper: RowMapper,
  key: EntityKey,
  fields: Fields,
): LoadedRow | null {
  const row = mapper.load(key, fields);
  if (!row) return null;
  entities.equip(mapper.schema, row.entity, committer);
  entities.loaded(key, row);
  return row;
}
