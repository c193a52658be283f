import { encodingName } from '../keys/stored-names.js';
import type { IndexSchema } from '../schema/entity-schema.js';
import type { RowOperation } from './row-operation.js';

/** Returns the unique constraints, also global ones, in which a write may take a value. */
export function takenUniques({ indexing, globals = [] }: RowOperation): IndexSchema[] {
  const encodings = new Map(indexing?.fields.map(({ name, how }) => [name, how]));
  const here = (indexing?.indexes ?? []).filter(({ kind, fields }) => {
    const hows = fields.map((field) => encodings.get(encodingName(field)));
    return kind === 'unique' && hows.includes('+') && !hows.includes('-');
  });
  const elsewhere = globals.filter(({ index, parts }) => index.kind === 'unique' && !parts.includes(null));
  return [...here, ...elsewhere.map(({ index }) => index)];
}

/** Returns the names of the unique constraints that reject writes while they are being built. */
export const guardedUniques = (indexes: readonly IndexSchema[]): ReadonlySet<string> =>
  new Set(
    indexes
      .filter(({ kind, whileBuilding }) => kind === 'unique' && whileBuilding !== 'write')
      .map(({ name }) => name),
  );
