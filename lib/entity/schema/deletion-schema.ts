import { InvalidArgumentError } from '../../cluster/common/errors.js';
import type { DeletionSchema, EntitySchema, IndexedField } from './entity-schema.js';

/** Builds the schema of the deletions of a class, and reports faults to `fault`. */
export function buildDeletion(
  property: string | undefined,
  { fields = [], indexes = [], globals = [] }: Partial<EntitySchema>,
  fault: (what: string) => void,
): DeletionSchema | undefined {
  const field = fields.find((known) => known.property === property);
  if (!field) return undefined;
  for (const { kind, name, fields: indexed } of [...indexes, ...globals])
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

/** Returns how a class deletes rows softly. @throws InvalidArgumentError if it does not. */
export function deletionOf({ name, deletion }: EntitySchema): DeletionSchema {
  if (deletion) return deletion;
  throw new InvalidArgumentError(
    'entity',
    `${name} has no property with @DeletedAt(), so its rows cannot be deleted softly: add one, or delete them`,
  );
}

/** @throws InvalidArgumentError if a patch writes the deletion time: the row's index entries depend on it. */
export function assertNotDeletion({ name, deletion }: EntitySchema, patch: object): void {
  if (!deletion || Reflect.get(patch, deletion.property) === undefined) return;
  throw new InvalidArgumentError(
    deletion.property,
    `${name}.${deletion.property} cannot be patched: use softDelete() and restore()`,
  );
}

/** @throws InvalidArgumentError if a query names the deletion time: it finds no deleted rows. */
export function assertNoDeletion({ name, deletion }: EntitySchema, named: readonly string[]): void {
  if (!deletion || !named.includes(deletion.property)) return;
  throw new InvalidArgumentError(
    deletion.property,
    `${name}.${deletion.property} is the deletion time, and queries leave out deleted rows: leave it out of the query, ` +
      'and list deleted rows with findDeleted()',
  );
}
