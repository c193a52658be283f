import type { Stored } from '../codec/codec.js';
import { type EntityClient, countersOf } from '../common/entity-client.js';
import type { EntityKey } from '../keys/entity-key.js';
import { ROW_FIELDS } from '../keys/stored-names.js';
import { fieldsRead } from '../rows/field-storage.js';
import { isDeleted } from '../schema/deletion-schema.js';
import { type DeletedRows, type Fields, isWellFormed } from '../rows/row-reader.js';
import type { RowMapper } from '../rows/row-mapper.js';

/**
 * Reads the fields of a mapper alone, in one batch per node. Returns objects of the class, null for missing and expired
 * rows. These objects are not tracked, and no hooks run, because they lack the other properties.
 */
export async function readSelected(
  client: EntityClient,
  mapper: RowMapper,
  keys: readonly EntityKey[],
  deleted: DeletedRows = 'left out',
): Promise<(object | null)[]> {
  if (keys.length === 0) return [];
  countersOf(client).operations.add('read', keys.length);
  const names = fieldNames(mapper);
  const pipeline = client.pipeline();
  for (const { row } of keys) {
    if (mapper.isText) pipeline.hmget(row, ...names);
    else pipeline.hmgetBuffer(row, ...names);
  }
  const rows = (await repliesOf(pipeline.exec())).map((reply) => fieldsOf(names, reply as (Stored | null)[]));
  // A row of another program may have none of these fields, and invalid UTF-8 is read as bytes: both take the whole row.
  const incomplete = [...rows.keys()].filter(
    (i) => Object.keys(rows[i]).length === 0 || (mapper.isText && !isWellFormed(rows[i])),
  );
  if (incomplete.length > 0) {
    const again = client.pipeline();
    for (const i of incomplete) again.hgetallBuffer(keys[i].row);
    for (const [at, reply] of (await repliesOf(again.exec())).entries())
      rows[incomplete[at]] = reply as Fields;
  }
  return rows.map((fields, i) =>
    deleted === 'left out' && isDeleted(mapper.schema, fields)
      ? null
      : (mapper.load(keys[i], fields)?.entity ?? null),
  );
}

/** Returns the fields of a row that loading it with a mapper reads. */
function fieldNames({ schema: { fields, counters, deletion } }: RowMapper): string[] {
  const names: string[] = [ROW_FIELDS.version, ROW_FIELDS.expiresAt];
  if (deletion) names.push(deletion.property);
  for (const field of fields) names.push(...fieldsRead(field));
  return [...names, ...counters.map(({ property }) => property)];
}

function fieldsOf(names: readonly string[], values: readonly (Stored | null)[]): Fields {
  const fields: Fields = Object.create(null) as Fields;
  for (const [i, value] of values.entries()) if (value !== null) fields[names[i]] = value;
  return fields;
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
