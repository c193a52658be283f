import type { EntityTracker } from './entity-tracker.js';
import type { CollectionWriter } from '../collections/collection-access.js';
import { countersOf, type EntityClient } from '../common/entity-client.js';
import type { EntityKey } from '../keys/entity-key.js';
import type { LoadedRow, RowLoader, RowValues } from './row-loader.js';
import type { RowMapper } from './row-mapper.js';
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
  const values = await readRow(context.client, mapper.loader, key.row);
  const row = remember(context, mapper, key, values, deleted);
  if (row) await mapper.schema.hooks.run('after load', row.entity);
  return row;
}

async function readRow(client: EntityClient, loader: RowLoader, row: string): Promise<RowValues | null> {
  const { names, isText } = loader;
  const [values, found] = await Promise.all([
    isText ? client.hmget(row, ...names) : client.hmgetBuffer(row, ...names),
    client.exists(row),
  ]);
  if (isReadable(values)) return values;
  return found === 0 ? null : loader.valuesOf(await client.hgetallBuffer(row));
}

/**
 * Reads rows in one batch per node. Returns their values in the same order, null for missing rows.
 *
 * EXISTS follows HMGET, because a row of another program can lack all fields of its class, and a missing row must not take
 * a second round trip.
 */
export async function readRows(
  client: EntityClient,
  loader: RowLoader,
  keys: readonly EntityKey[],
): Promise<(RowValues | null)[]> {
  const { names, isText } = loader;
  const pipeline = client.pipeline();
  for (const { row } of keys) {
    if (isText) pipeline.hmget(row, ...names);
    else pipeline.hmgetBuffer(row, ...names);
    pipeline.exists(row);
  }
  const replies = await repliesOf(pipeline.exec());
  const rows: (RowValues | null)[] = [];
  const others: number[] = [];
  for (let i = 0; i < keys.length; i++) {
    const values = replies[2 * i] as RowValues;
    const isFound = isReadable(values);
    rows.push(isFound ? values : null);
    if (!isFound && replies[2 * i + 1] !== 0) others.push(i);
  }
  if (others.length === 0) return rows;
  const again = client.pipeline();
  for (const i of others) again.hgetallBuffer(keys[i].row);
  for (const [at, reply] of (await repliesOf(again.exec())).entries())
    rows[others[at]] = loader.valuesOf(reply as Fields);
  return rows;
}

/**
 * Returns whether values are those of a row that needs no other reading. If all are absent, there is no row, or another
 * program wrote it. If bytes were replaced, the row is read again as bytes, which its codecs check.
 */
function isReadable(values: RowValues): boolean {
  let isFound = false;
  for (const value of values) {
    if (value === null || value === undefined) continue;
    isFound = true;
    if (typeof value === 'string' && value.includes(REPLACED)) return false;
  }
  return isFound;
}

/** Returns the replies of a batch. @throws the first error among them. */
async function repliesOf(
  executed: Promise<[error: Error | null, reply: unknown][] | null>,
): Promise<unknown[]> {
  return ((await executed) ?? []).map(([error, reply]) => {
    if (error) throw error;
    return reply;
  });
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
  const rows = await readRows(context.client, mapper.loader, keys);
  const entities = rows.map(
    (values, i) => remember(context, mapper, keys[i], values, deleted)?.entity ?? null,
  );
  await runLoadHooks(mapper, entities);
  return entities;
}

/** Runs the hooks after entities were loaded. */
export async function runLoadHooks(
  { schema }: RowMapper,
  entities: readonly (object | null)[],
): Promise<void> {
  if (schema.hooks.has('after load'))
    await Promise.all(entities.map((entity) => entity && schema.hooks.run('after load', entity)));
}

/** Converts the fields of a row that was read whole, and tracks its entity. Returns null if there is no row. */
export const rememberRow = (
  context: RowContext,
  mapper: RowMapper,
  key: EntityKey,
  fields: Fields,
  deleted?: DeletedRows,
): LoadedRow | null => remember(context, mapper, key, mapper.loader.valuesOf(fields), deleted);

function remember(
  { entities, committer }: RowContext,
  { schema, loader }: RowMapper,
  key: EntityKey,
  values: RowValues | null,
  deleted: DeletedRows = 'left out',
): LoadedRow | null {
  if (!values || (deleted === 'left out' && loader.isDeleted(values))) return null;
  const row = loader.load(key, values);
  if (!row) return null;
  entities.attachCollections(schema, row.entity, committer);
  entities.loaded(schema, key, row);
  return row;
}
