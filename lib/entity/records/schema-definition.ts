import type { EntitySchema, IndexedField } from '../schema/entity-schema.js';

/** What an entity's class says of what is stored: what its schema record holds. */
export interface SchemaDefinition {
  /** The owner of the partitions. */
  readonly partition: string;
  /** The stored form of each property of the key, of each field, counter and collection. */
  readonly properties: Readonly<Record<string, string>>;
  /** Of each index and unique of a partition its kind and its fields. */
  readonly indexes: Readonly<Record<string, string>>;
  /** Of each global index and unique its kind, its fields, and its number of buckets; absent where there is none. */
  readonly globals?: Readonly<Record<string, string>>;
}

export function definitionOf(schema: EntitySchema): SchemaDefinition {
  const { primaryKey, partitionKey, fields, counters, collections, indexes, partitionName } = schema;
  const keys = [primaryKey, ...(partitionKey ? [partitionKey] : [])];
  const properties = [
    ...keys.map(({ property, type }) => [property, `key of ${type}`] as const),
    ...fields.map(({ property, codec }) => [property, codec.form] as const),
    ...counters.map(({ property }) => [property, 'counter'] as const),
    ...collections.map(({ property, kind }) => [property, `collection ${kind}`] as const),
  ];
  const globals = schema.globals
    .map(({ kind, name, fields: indexed, buckets }): [string, string] => [
      name,
      `${kind} of ${fieldsOf(indexed)} spread over ${buckets}`,
    ])
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  return {
    ...(globals.length > 0 && { globals: Object.fromEntries(globals) }),
    partition: partitionName,
    properties: Object.fromEntries(properties.toSorted(([a], [b]) => (a < b ? -1 : 1))),
    indexes: Object.fromEntries(
      indexes
        .map(({ kind, name, fields: indexed }) => [name, `${kind} ${fieldsOf(indexed)}`])
        .toSorted(([a], [b]) => (a < b ? -1 : 1)),
    ),
  };
}

/** What of a definition does not fit what is stored by another; what only one of them has, fits. */
export function misfits(stored: SchemaDefinition, given: SchemaDefinition): string[] {
  const found: string[] = [];
  if (stored.partition !== given.partition)
    found.push(`its partitions were those of ${stored.partition}, and are those of ${given.partition}`);
  for (const [property, form] of Object.entries(stored.properties)) {
    const now = Object.hasOwn(given.properties, property) ? given.properties[property] : undefined;
    const isKey = form.startsWith('key');
    if (now === undefined ? isKey : now !== form)
      found.push(`${property} was stored as ${form}, and is ${now ?? 'gone'}`);
  }
  for (const [name, form] of Object.entries(stored.globals ?? {})) {
    const now = given.globals?.[name] ?? form; // one that is gone fits
    if (now !== form)
      found.push(`global '${name}' was stored as ${form}, and is ${now}: give it another name`);
  }
  return found;
}

/** The names of all indexes and uniques of a definition. */
export const indexNames = ({ indexes, globals }: SchemaDefinition): string[] =>
  Object.keys({ ...indexes, ...globals });

/** What an index or unique is; undefined where the definition has none of the name. */
export function formOf({ indexes, globals = {} }: SchemaDefinition, name: string): string | undefined {
  if (Object.hasOwn(globals, name)) return globals[name];
  return Object.hasOwn(indexes, name) ? `of partitions: ${indexes[name]}` : undefined;
}

/** What is stored, once a class is in use: what the class does not have is remembered, for rows may still have it. */
export function joined(stored: SchemaDefinition, given: SchemaDefinition): SchemaDefinition {
  const without = (
    known: Readonly<Record<string, string>> = {},
    others: object = {},
  ): Record<string, string> =>
    Object.fromEntries(Object.entries(known).filter(([name]) => !Object.hasOwn(others, name)));
  const globals = { ...without(stored.globals, given.indexes), ...given.globals };
  return {
    ...(Object.keys(globals).length > 0 && { globals }),
    partition: given.partition,
    properties: { ...stored.properties, ...given.properties },
    indexes: { ...without(stored.indexes, given.globals), ...given.indexes },
  };
}

/** The fields of an index, and how their values are encoded there, where their form does not tell. */
const fieldsOf = (fields: readonly IndexedField[]): string =>
  fields.map(({ property, codec }) => property + (codec.orderForm ? ` (${codec.orderForm})` : '')).join(' ');
