import { InvalidArgumentError } from '../../cluster/common/errors.js';
import type { DeletionSchema, EntitySchema } from './entity-schema.js';

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
