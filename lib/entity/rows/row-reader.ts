import type { EntityTracker } from './entity-tracker.js';
import type { CollectionWriter } from '../collections/collection-access.js';
import { countersOf, type EntityClient } from '../common/entity-client.js';
import { isDeleted } from '../schema/deletion-schema.js';
import type { EntityKey } from '../keys/entity-key.js';
import type { LoadedRow, RowMapper } from './row-mapper.js';
import type { Stored } from '../codec/codec.js';

/** The parts that rows are read with. */
export interface RowContext {
  readonly client: EntityClient;
  readonly entities: EntityTracker;
  /** Writes the rows' collections. */
  readonly committer: CollectionWriter;
}

/** The reply of HGETALL. */
export type Fields = Record<string, Stored>;

/** Whether reads return rows that are deleted softly. */
export type DeletedRows = 'left out' | 'included';

/** The character that replaces invalid UTF-8. */
const REPLACED = '\uFFFD';

/** Reads one row, and tracks its entity. */
export async function loadRow(
  context: RowContext,
  mapper: RowMapper,
  key: EntityKey,
  deleted: DeletedRows = 'left out',
): Promise<LoadedRow | null> {
  countersOf(context.client).operations.add('read');
  const row = rememberRow(context, mapper, key, await readFields(context, mapper, key), deleted);
  if (row) await mapper.schema.hooks.run('after load', row.entity);
  return row;
}

async function readFields(
  { client }: RowContext,
  { isText }: RowMapper,
  { row }: EntityKey,
): Promise<Fields> {
  const text = isText && (await client.hgetall(row));
  return text && isWellFormed(text) ? text : client.hgetallBuffer(row);
}

/** Returns whether no bytes were replaced. Otherwise the row is read again as bytes, which its codecs check. */
export function isWellFormed(fields: Fields): boolean {
  for (const name in fields) if (fields[name].includes(REPLACED)) return false;
  return true;
}

/** Reads rows in one batch per node. Returns their entities in the same order, null for a missing row. */
export async function loadRows(
  context: RowContext,
  mapper: RowMapper,
  keys: readonly EntityKey[],
  deleted: DeletedRows = 'left out',
): Promise<(object | null)[]> {
  if (keys.length === 0) return [];
  countersOf(context.client).operations.add('read', keys.length);
  const pipeline = context.client.pipeline();
  for (const { row } of keys) {
    if (mapper.isText) pipeline.hgetall(row);
    else pipeline.hgetallBuffer(row);
  }
  const rows = ((await pipeline.exec()) ?? []).map(([error, reply]) => {
    if (error) throw error;
    return reply as Fields;
  });
  if (mapper.isText) await readAgainAsBytes(context, keys, rows);
  const entities = rows.map(
    (fields, i) => rememberRow(context, mapper, keys[i], fields, deleted)?.entity ?? null,
  );
  await runLoadHooks(mapper, entities);
  return entities;
}

/** Reads the rows with replaced bytes again, in one batch per node. */
async function readAgainAsBytes(
  { client }: RowContext,
  keys: readonly EntityKey[],
  rows: Fields[],
): Promise<void> {
  const replaced = [...rows.keys()].filter((i) => !isWellFormed(rows[i]));
  if (replaced.length === 0) return;
  const pipeline = client.pipeline();
  for (const i of replaced) pipeline.hgetallBuffer(keys[i].row);
  for (const [at, [error, reply]] of ((await pipeline.exec()) ?? []).entries()) {
    if (error) throw error;
    rows[replaced[at]] = reply as Fields;
  }
}

/** Runs the hooks after entities were loaded. */
export async function runLoadHooks(
  { schema }: RowMapper,
  entities: readonly (object | null)[],
): Promise<void> {
  if (schema.hooks.has('after load'))
    await Promise.all(entities.map((entity) => entity && schema.hooks.run('after load', entity)));
}

/** Converts the fields of a row, and tracks its entity. Returns null if there is no row. */
export function rememberRow(
  { entities, committer }: RowContext,
  mapper: RowMapper,
  key: EntityKey,
  fields: Fields,
  deleted: DeletedRows = 'left out',
): LoadedRow | null {
  if (deleted === 'left out' && isDeleted(mapper.schema, fields)) return null;
  const row = mapper.load(key, fields);
  if (!row) return null;
  entities.attachCollections(mapper.schema, row.entity, committer);
  entities.loaded(mapper.schema, key, row);
  return row;
}
