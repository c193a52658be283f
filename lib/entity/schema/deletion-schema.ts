import type { DeletionSchema, FieldSchema, IndexedField, IndexSchema } from './entity-schema.js';

/** Builds the schema of the deletions of a class, and reports faults to `fault`. */
export function buildDeletion(
  property: string | undefined,
  fields: readonly FieldSchema[],
  indexes: readonly IndexSchema[],
  fault: (what: string) => void,
): DeletionSchema | undefined {
  const field = fields.find((known) => known.property === property);
  if (!field) return undefined;
  for (const { kind, name, fields: indexed } of indexes)
    if (indexed.some((part) => part.property === property))
      fault(
        `.${property} is in the ${kind} '${name}', but deleted rows are in no index: list them with findDeleted()`,
      );
  if (field.hasDefault)
    fault(
      `.${property} is the deletion time and has an initial value, so that every new row would be deleted`,
    );
  return { property: field.property, field: field as IndexedField };
}

/** Returns whether an entity, or a row as it is stored, is deleted softly. */
export function isDeleted(
  { deletion }: { readonly deletion?: DeletionSchema | undefined },
  values: object,
): boolean {
  if (!deletion) return false;
  const value: unknown = Reflect.get(values, deletion.property);
  return value !== undefined && value !== null;
}
