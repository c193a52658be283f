import type { EntitySchema } from './entity-schema.js';

/** What an entity's class says of what is stored: what its schema record holds. */
export interface SchemaDefinition {
  /** The owner of the partitions. */
  readonly partition: string;
  /** The stored form of each property of the key, of each field, counter and collection. */
  readonly properties: Readonly<Record<string, string>>;
  /** Of each index and unique of a partition its kind and its fields. */
  readonly indexes: Readonly<Record<string, string>>;
  /** Of each global index and unique its kind, its fields, and its spread; absent where there is none. */
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
    .map(({ kind, name, fields: indexed, spread }): [string, string] => [
      name,
      `${kind} of ${indexed.map(({ property }) => property).join(' ')} spread over ${spread}`,
    ])
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  return {
    ...(globals.length > 0 && { globals: Object.fromEntries(globals) }),
    partition: partitionName,
    properties: Object.fromEntries(properties.toSorted(([a], [b]) => (a < b ? -1 : 1))),
    indexes: Object.fromEntries(
      indexes
        .map(({ kind, name, fields: indexed }) => [
          name,
          `${kind} ${indexed.map(({ property }) => property).join(' ')}`,
        ])
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

/** The indexes that one definition has and the other has not, or otherwise. */
export function newIndexes(stored: SchemaDefinition, given: SchemaDefinition): string[] {
  const known = { ...stored.indexes, ...stored.globals };
  return Object.entries({ ...given.indexes, ...given.globals })
    .filter(([name, index]) => !Object.hasOwn(known, name) || known[name] !== index)
    .map(([name]) => name);
}
