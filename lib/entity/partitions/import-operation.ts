import type { Stored } from '../codec/codec.js';
import type { CollectionCall } from '../collections/collection-call.js';
import { entityKeyOfRow } from '../keys/entity-key.js';
import { withEntries } from '../commit/row-entries.js';
import type { RowOperation } from '../operations/row-operation.js';
import { counterValue } from '../rows/counter.js';
import type { CollectionSchema } from '../schema/collection-schema.js';
import { type StoredValue, setField, storedIn, valueOf } from '../rows/field-storage.js';
import type { EntitySchema, FieldSchema } from '../schema/entity-schema.js';
import { type HeaderLine, type RowLine, storedFrom } from './export-format.js';
import { isExported } from './partition-export.js';

type Refuse = (why: string) => Error;

/** Returns the insert of an exported row, at the version that it had. */
export function importOperation(
  schema: EntitySchema,
  tag: string,
  { id, version, expiresAt, fields }: RowLine,
  header: HeaderLine,
  refuse: Refuse,
): RowOperation {
  const partition = tag.slice(schema.partitionName.length + 2, -1);
  if (!schema.partitionKey && id !== header.partition) throw refuse('is the row of another partition');
  const key = entityKeyOfRow(schema, `${tag}:${schema.name}:${schema.partitionKey ? id : partition}`);
  if (!key) throw refuse(`has an id that no ${schema.name} can have`);
  if (version !== undefined && !/^\d{1,16}$/.test(version)) throw refuse('has no valid version');
  if (expiresAt !== undefined && !Number.isSafeInteger(expiresAt)) throw refuse('has no valid expiry time');
  const stored = new Map<string, Stored>();
  for (const [field, value] of Object.entries(Object(fields) as object)) {
    const bytes = storedFrom(value);
    if (bytes === undefined || !isExported(field)) throw refuse(`has a field ${field} that no export has`);
    stored.set(field, bytes);
  }
  const values: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  const row = Object.fromEntries(stored);
  const [set, removed]: [Stored[], string[]] = [[], []];
  for (const field of schema.fields) {
    const { property, codec } = field;
    const found = storedIn(field, row);
    if (found === undefined) continue;
    values[property] = decoded(field, found, () => refuse(`has a ${property} that is not ${codec.expects}`));
    // Rows are imported as migrated: this cluster may not expect rows of an older version of the class any more.
    if (found.former) setField(field, codec.encode(values[property]), set, removed);
  }
  for (const name of removed) stored.delete(name);
  for (let i = 0; i < set.length; i += 2) stored.set(String(set[i]), set[i + 1]);
  for (const counter of schema.counters)
    counterValue(schema, key, counter, stored.get(counter.property)?.toString() ?? '');
  const operation: RowOperation = {
    schema,
    key,
    mode: 'insert',
    set: [...stored].flat(),
    expected: version === undefined || Number(version) === 0 ? undefined : Number(version),
    expireAt: expiresAt,
  };
  return withEntries(operation, values);
}

/** Returns the calls that add exported elements to a collection. */
export function collectionCalls(
  { property }: CollectionSchema,
  { width, calls }: { readonly width: number; calls(parts: readonly Stored[]): CollectionCall[] },
  elements: readonly unknown[],
  refuse: Refuse,
): CollectionCall[] {
  const parts = Array.isArray(elements) ? elements.map(storedFrom) : [];
  if (parts.length === 0 || parts.includes(undefined) || parts.length % width !== 0)
    throw refuse(`has elements of ${property} that no export has`);
  return calls(parts as Stored[]);
}

function decoded(field: FieldSchema, { bytes, former }: StoredValue, refuse: () => Error): unknown {
  const { form } = (former ?? field).codec;
  try {
    return valueOf(field, { bytes: form === 'bytes' ? Buffer.from(bytes as Buffer) : bytes, former });
  } catch {
    throw refuse();
  }
}
