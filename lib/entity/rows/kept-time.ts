import type { EntitySchema } from '../schema/entity-schema.js';
import type { Mark } from './row-snapshot.js';

/**
 * The time of creation, where an upsert makes one up: in a row that is there it stays. One that is in a global index
 * does not: its entry is made before the row is looked at.
 */
export function keptProperty({ createdAt, globals }: EntitySchema, entity: object): string | undefined {
  if (createdAt === undefined || Reflect.get(entity, createdAt)) return undefined;
  const isGlobal = globals.some(({ fields }) => fields.some(({ property }) => property === createdAt));
  return isGlobal ? undefined : createdAt;
}

/** Shows in an entity the time of creation that its row has kept, and corrects the mark of it. */
export function restoreKept(schema: EntitySchema, entity: object, marks: Mark[], text: string): void {
  const at = schema.fields.findIndex(({ property }) => property === schema.createdAt);
  const { codec, property } = schema.fields[at];
  try {
    const value = codec.decode(text);
    Reflect.set(entity, property, value);
    marks[at] = codec.immutable ? value : text;
  } catch {
    // others have stored what is no time: whoever loads the row is told
  }
}
