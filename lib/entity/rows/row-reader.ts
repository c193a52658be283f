import type { EntityTracker } from './entity-tracker.js';
import type { CollectionWriter } from '../collections/collection-access.js';
import { countersOf, type EntityClient, type EntityPipeline } from '../common/entity-client.js';
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
  // EXISTS, because a row of another program can lack all of these fields, and a missing row must take one round trip
  const [values, found] = await Promise.all([
    isText ? client.hmget(row, ...names) : client.hmgetBuffer(row, ...names),
    client.exists(row),
  ]);
  if (isReadable(values)) return values;
  return found === 0 ? null : loader.valuesOf(await client.hgetallBuffer(row));
}

/**
 * Reads rows in one batch per node. Returns their values in the same order, null for missing rows, which take a second
 * batch: a row of another program can lack all of these fields.
 */
export async function readRows(
  client: EntityClient,
  loader: RowLoader,
  keys: readonly EntityKey[],
): Promise<(RowValues | null)[]> {
  const pipeline = client.pipeline();
  for (const { row } of keys) addRead(pipeline, loader, row);
  const rows = (await repliesOf(pipeline.exec())) as (RowValues | null)[];
  const others = [...rows.keys()].filter((i) => !isReadable(rows[i]!));
  return readAgain(client, loader, keys, rows, others);
}

/** Reads whole rows, which a cache keeps as one value each: those that it lacks in one batch per node. */
async function readWholeRows(
  client: EntityClient,
  loader: RowLoader,
  keys: readonly EntityKey[],
): Promise<(RowValues | null)[]> {
  const kept = keys.map(({ row }) => client.keptHash?.(row, !loader.isText));
  const rows = kept.map((fields) => (fields === undefined ? null : loader.valuesOf(fields)));
  const missing = [...rows.keys()].filter((i) => kept[i] === undefined);
  if (missing.length > 0) {
    const pipeline = client.pipeline();
    for (const i of missing) {
      if (loader.isText) pipeline.hgetall(keys[i].row);
      else pipeline.hgetallBuffer(keys[i].row);
    }
    for (const [at, fields] of (await repliesOf(pipeline.exec())).entries())
      rows[missing[at]] = loader.valuesOf(fields as Fields);
  }
  const others = [...rows.keys()].filter((i) => rows[i] && isReplaced(rows[i]));
  return readAgain(client, loader, keys, rows, others);
}

function addRead(pipeline: EntityPipeline, { names, isText }: RowLoader, row: string): void {
  if (isText) pipeline.hmget(row, ...names);
  else pipeline.hmgetBuffer(row, ...names);
}

/** Reads some of the rows again, whole and as bytes. */
async function readAgain(
  client: EntityClient,
  loader: RowLoader,
  keys: readonly EntityKey[],
  rows: (RowValues | null)[],
  places: readonly number[],
): Promise<(RowValues | null)[]> {
  if (places.length === 0) return rows;
  const pipeline = client.pipeline();
  for (const i of places) pipeline.hgetallBuffer(keys[i].row);
  for (const [at, reply] of (await repliesOf(pipeline.exec())).entries())
    rows[places[at]] = loader.valuesOf(reply as Fields);
  return rows;
}

/**
 * Returns whether values are those of a row that needs no other reading. If all are absent, there is no row, or another
 * program wrote it.
 */
function isReadable(values: RowValues): boolean {
  let isPresent = false;
  for (const value of values) {
    if (value === null || value === undefined) continue;
    if (isReplacedText(value)) return false;
    isPresent = true;
  }
  return isPresent;
}

/** Returns whether bytes were replaced. Then the row is read again as bytes, which its codecs check. */
const isReplaced = (values: RowValues): boolean => values.some(isReplacedText);

const isReplacedText = (value: Stored | null | undefined): boolean =>
  typeof value === 'string' && value.includes(REPLACED);

/** Returns the replies of a batch. @throws the first error among them. */
async function repliesOf(
  executed: Promise<[error: Error | null, reply: unknown][] | null>,
): Promise<unknown[]> {
  return ((await executed) ?? []).map(([error, reply]) => {
    if (error) throw error;
    return reply;
  });
}

/**
 * Reads rows that are known to exist, in one batch per node. Returns their entities in the same order, null for a missing
 * row.
 */
export const loadRows = (
  context: RowContext,
  mapper: RowMapper,
  keys: readonly EntityKey[],
  deleted?: DeletedRows,
): Promise<(object | null)[]> => loadBy(readRows, context, mapper, keys, deleted);

/** Does the same for rows that the client may have in its cache. */
export const loadWholeRows = (
  context: RowContext,
  mapper: RowMapper,
  keys: readonly EntityKey[],
  deleted?: DeletedRows,
): Promise<(object | null)[]> => loadBy(readWholeRows, context, mapper, keys, deleted);

async function loadBy(
  read: typeof readRows,
  context: RowContext,
  mapper: RowMapper,
  keys: readonly EntityKey[],
  deleted?: DeletedRows,
): Promise<(object | null)[]> {
  if (keys.length === 0) return [];
  countersOf(context.client).operations.add('read', keys.length);
  const rows = await read(context.client, mapper.loader, keys);
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
