import { ROW_FIELDS, VALUE_FIELDS } from '../keys/stored-names.js';
import { SchemaMismatchError } from '../common/entity-errors.js';
import type { EntityKey } from '../keys/entity-key.js';
import type { EntitySchema } from '../schema/entity-schema.js';
import { counterValue } from '../rows/counter.js';
import { storedIn, valueOf } from '../rows/field-storage.js';

/** The stored values in an outbox entry, by property. */
type StoredValues = ReadonlyMap<string, Buffer>;

/** What a change says of values. */
interface Values {
  readonly before?: object;
  readonly after?: object;
}

/** Which values a change has, by its type. */
const SIDES = {
  insert: ['after'],
  update: ['before', 'after'],
  softDelete: ['before', 'after'],
  restore: ['before', 'after'],
  delete: ['before'],
  expire: ['before'],
} as const;

/**
 * Adds the values in an outbox entry to a change. They are decoded when they are read, so that a value that its class
 * cannot read does not end the stream.
 */
export function addValues(
  change: { readonly type: keyof typeof SIDES },
  schema: EntitySchema,
  key: EntityKey,
  fields: ReadonlyMap<string, Buffer>,
): object {
  const isSign = (name: string): boolean => name[0] === VALUE_FIELDS.before || name[0] === VALUE_FIELDS.after;
  if (![...fields.keys()].some(isSign)) return change;
  for (const side of SIDES[change.type]) {
    const sign = VALUE_FIELDS[side];
    let decoded: object | undefined;
    Object.defineProperty(change, side, {
      enumerable: true,
      get: () => (decoded ??= decode(schema, key, valuesOf(fields, sign))),
    } satisfies TypedPropertyDescriptor<Values['before']>);
  }
  return change;
}

const valuesOf = (fields: ReadonlyMap<string, Buffer>, sign: string): StoredValues =>
  new Map([...fields].flatMap(([name, value]) => (name[0] === sign ? [[name.slice(1), value]] : [])));

function decode(schema: EntitySchema, key: EntityKey, stored: StoredValues): object {
  const values: Record<string, unknown> = {};
  const row = Object.fromEntries(stored);
  for (const field of schema.fields) {
    const { property, codec } = field;
    const found = storedIn(field, row);
    if (found === undefined) continue;
    try {
      values[property] = valueOf(field, found);
    } catch {
      // without the cause, because the error of JSON.parse quotes the value
      throw new SchemaMismatchError(schema.name, property, key.row, codec.expects);
    }
  }
  for (const counter of schema.counters) {
    const text = stored.get(counter.property);
    if (text) values[counter.property] = counterValue(schema, key, counter, text.toString());
  }
  const expiresAt = stored.get(ROW_FIELDS.expiresAt);
  if (schema.expiresAt && expiresAt) values[schema.expiresAt] = new Date(Number(expiresAt.toString()));
  return values;
}
