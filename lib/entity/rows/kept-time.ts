import type { EntitySchema } from '../schema/entity-schema.js';
import type { SnapshotValue } from './row-snapshot.js';

/**
 * Returns the `@CreatedAt` property if an upsert generates its value: an existing row keeps its value. This does not
 * apply to a property in a global index, whose entry is written before the row is read.
 */
export function keptProperty({ createdAt, globals }: EntitySchema, entity: object): string | undefined {
  if (createdAt === undefined || Reflect.get(entity, createdAt)) return undefined;
  const isGlobal = globals.some(({ fields }) => fields.some(({ property }) => property === createdAt));
  return isGlobal ? undefined : createdAt;
}

/** Sets the creation time that the row kept in the entity and in its snapshot. */
export function restoreKept(
  schema: EntitySchema,
  entity: object,
  snapshot: SnapshotValue[],
  text: string,
): void {
  const at = schema.fields.findIndex(({ property }) => property === schema.createdAt);
  const { codec, property } = schema.fields[at];
  try {
    const value = codec.decode(text);
    Reflect.set(entity, property, value);
    snapshot[at] = codec.immutable ? value : text;
  } catch {
    // another program stored an invalid time: loading the row will report it
  }
}
