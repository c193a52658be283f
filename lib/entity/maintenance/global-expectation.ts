import { ROW_FIELDS, encodingField, holdField } from '../keys/stored-names.js';
import { type EntityKey, entityKeyIn } from '../keys/entity-key.js';
import { isDeleted } from '../schema/deletion-schema.js';
import type { EntitySchema, GlobalIndexSchema } from '../schema/entity-schema.js';
import { TOKEN_LENGTH } from '../scripts/operation-token.js';
import { storedIn, valueOf } from '../rows/field-storage.js';
import type { Fields } from '../rows/row-reader.js';

/** The entry that a row should have in one global index or unique constraint, and the one that it holds. */
export interface GlobalExpectation {
  readonly index: GlobalIndexSchema;
  /** The encodings of the index's fields, null for an absent one. */
  readonly parts: readonly (string | null)[];
  /** The expected entry; undefined for none. */
  readonly encodings: string | undefined;
  /** The entry that the row holds, with the token of its write. */
  readonly held: { readonly token: string; readonly encodings: string } | undefined;
  /**
   * Wrong encodings in the row's fields, with their correct values. Patches of an index over several fields use them.
   */
  readonly notes: readonly (readonly [field: string, encoding: string | null])[];
}

/** A row that was read, with its expected entries. */
export interface GlobalExpectations {
  readonly key: EntityKey;
  /** Empty if there is no row or it has expired: no row holds its entries then. */
  readonly version: string;
  /** A property whose stored value does not have its type. The expected entries are unknown then. */
  readonly unreadable?: string;
  readonly globals: readonly GlobalExpectation[];
}

/** Derives the expected entries from a stored row. */
export function globalExpectationsOf(
  schema: EntitySchema,
  tag: string,
  id: string,
  row: Fields,
  now: number,
): GlobalExpectations {
  const key = entityKeyIn(schema, tag, id);
  const text = (field: string): string | undefined =>
    Object.hasOwn(row, field) ? row[field].toString() : undefined;
  const expiresAt = text(ROW_FIELDS.expiresAt);
  const isThere = Object.keys(row).length > 0 && !(expiresAt !== undefined && Number(expiresAt) <= now);
  if (!isThere) return { key, version: '', globals: [] };
  const version = text(ROW_FIELDS.version) ?? '0';
  const deleted = isDeleted(schema, row);
  const globals: GlobalExpectation[] = [];
  for (const index of schema.globals) {
    const parts: (string | null)[] = [];
    for (const field of index.fields)
      try {
        const stored = storedIn(field, row);
        parts.push(stored === undefined || deleted ? null : field.codec.order(valueOf(field, stored)));
      } catch {
        return { key, version, unreadable: field.property, globals: [] };
      }
    const hold = text(holdField(index));
    globals.push({
      index,
      parts,
      encodings: deleted || parts.includes(null) ? undefined : parts.join('\0'),
      held:
        hold === undefined
          ? undefined
          : { token: hold.slice(0, TOKEN_LENGTH), encodings: hold.slice(TOKEN_LENGTH) },
      notes: index.fields.flatMap((field, i) => {
        const isNoted = index.fields.length === 1 || (text(encodingField(field)) ?? null) === parts[i];
        return isNoted ? [] : [[encodingField(field), parts[i]] as const];
      }),
    });
  }
  return { key, version, globals };
}
