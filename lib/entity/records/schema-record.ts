import { type SchemaDefinition, formOf } from './schema-definition.js';

/**
 * Indexes that are being built: their names, each with a mark of the last program that wrote rows without the index, or
 * with another form of it. As long as the mark is unchanged, no other such program has started.
 */
export type Building = ReadonlyMap<string, string>;

/** A record that was read. */
export interface SchemaRecord {
  readonly definition?: SchemaDefinition;
  readonly building: Building;
}

/** Reads the fields of a record. */
export function recordOf([definition, building]: readonly [string, string]): SchemaRecord {
  const marks = building.split(' ').filter((text) => text !== '');
  return {
    definition: definition === '' ? undefined : (JSON.parse(definition) as SchemaDefinition),
    building: new Map(marks.map((text) => text.split(':', 2) as [string, string])),
  };
}

/** Returns whether an index contains all rows. Without a record, there are no rows that it could lack. */
export const isReady = (
  { own, definition = own, building }: SchemaRecord & { readonly own: SchemaDefinition },
  index: string,
): boolean => !building.has(index) && formOf(definition, index) === formOf(own, index);
