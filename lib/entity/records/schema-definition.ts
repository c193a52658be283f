import type { EntitySchema, IndexedField } from '../schema/entity-schema.js';
import { FORMS, type Move, movesOf } from './property-move.js';

/** How an entity is stored, according to its class. The schema record contains it. */
export interface SchemaDefinition {
  /** The owner of the partitions. */
  readonly partition: string;
  /** The stored form of each property of the key, of each field, counter and collection. */
  readonly properties: Readonly<Record<string, string>>;
  /** The kind and the fields of each index and unique constraint of a partition. */
  readonly indexes: Readonly<Record<string, string>>;
  /** The kind, fields and number of buckets of each global index and unique constraint; absent if there are none. */
  readonly globals?: Readonly<Record<string, string>>;
  /** The moves that were ever declared by `renamedFrom` or `convertFrom`; absent if there are none. */
  readonly moves?: readonly string[];
  /** The properties that the class of the last program lacks; absent if there are none. */
  readonly gone?: readonly string[];
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
  const moves = movesOf(schema).map(({ name }) => name);
  return {
    ...(globals.length > 0 && { globals: Object.fromEntries(globals) }),
    ...(moves.length > 0 && { moves }),
    partition: partitionName,
    properties: Object.fromEntries(properties.toSorted(([a], [b]) => (a < b ? -1 : 1))),
    indexes: Object.fromEntries(
      indexes
        .map(({ kind, name, fields: indexed, nulls }) => [
          name,
          `${kind} ${fieldsOf(indexed)}${nulls ? ' with nulls' : ''}`,
        ])
        .toSorted(([a], [b]) => (a < b ? -1 : 1)),
    ),
  };
}

/** Returns what does not fit between a stored definition and a given one. A part that only one of them has fits. */
export function misfits(
  stored: SchemaDefinition,
  given: SchemaDefinition,
  moves: readonly Move[] = [],
): string[] {
  const found: string[] = [];
  if (stored.partition !== given.partition)
    found.push(`its partitions were those of ${stored.partition}, and are those of ${given.partition}`);
  for (const [property, form] of Object.entries(stored.properties)) {
    const now = Object.hasOwn(given.properties, property) ? given.properties[property] : undefined;
    const isKey = form.startsWith('key');
    const isConverted = moves.some(
      (move) => move.to === property && move.from === property && move.form === form,
    );
    if (now === undefined ? isKey : now !== form && !isConverted)
      found.push(`${property} was stored as ${form}, and is ${now ?? 'gone'}${adviceOn(form, now)}`);
  }
  for (const [name, form] of Object.entries(stored.globals ?? {})) {
    const now = given.globals?.[name] ?? form; // a removed index fits
    if (now !== form)
      found.push(`global '${name}' was stored as ${form}, and is ${now}: give it another name`);
  }
  return found;
}

/** Returns the names of all indexes and unique constraints of a definition. */
export const indexNames = ({ indexes, globals }: SchemaDefinition): string[] =>
  Object.keys({ ...indexes, ...globals });

/** Returns the description of an index or unique constraint; undefined if the definition has none with the name. */
export function formOf({ indexes, globals = {} }: SchemaDefinition, name: string): string | undefined {
  if (Object.hasOwn(globals, name)) return globals[name];
  return Object.hasOwn(indexes, name) ? `of partitions: ${indexes[name]}` : undefined;
}

/** Returns the option that reads values of another form, if there is one. */
const adviceOn = (form: string, now: string | undefined): string =>
  now !== undefined && FORMS.has(form) && FORMS.has(now)
    ? ': @Property({ convertFrom: { type, convert } }) converts them'
    : '';

/** Merges definitions. Properties that the class no longer has are kept, because rows may still have them. */
export function joined(stored: SchemaDefinition, given: SchemaDefinition): SchemaDefinition {
  const without = (
    known: Readonly<Record<string, string>> = {},
    others: object = {},
  ): Record<string, string> =>
    Object.fromEntries(Object.entries(known).filter(([name]) => !Object.hasOwn(others, name)));
  const globals = { ...without(stored.globals, given.indexes), ...given.globals };
  const moves = [...new Set([...(stored.moves ?? []), ...(given.moves ?? [])])];
  const properties = { ...stored.properties, ...given.properties };
  const gone = Object.keys(properties).filter((property) => !Object.hasOwn(given.properties, property));
  return {
    ...(Object.keys(globals).length > 0 && { globals }),
    ...(moves.length > 0 && { moves }),
    ...(gone.length > 0 && { gone }),
    partition: given.partition,
    properties,
    indexes: { ...without(stored.indexes, given.globals), ...given.indexes },
  };
}

/** Returns the fields of an index, with their encoding if it differs from their form. */
const fieldsOf = (fields: readonly IndexedField[]): string =>
  fields.map(({ property, codec }) => property + (codec.orderForm ? ` (${codec.orderForm})` : '')).join(' ');
