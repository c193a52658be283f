import { ROW_FIELDS, encodingField, holdField } from '../keys/stored-names.js';
import { type EntityKey, entityKeyIn } from '../keys/entity-key.js';
import type { EntitySchema, GlobalIndexSchema } from '../schema/entity-schema.js';
import { TOKEN_LENGTH } from '../scripts/operation-token.js';
import type { Fields } from '../rows/row-reader.js';

/** What a row should have in one global index or unique, and what it says that it has. */
export interface GlobalExpectation {
  readonly index: GlobalIndexSchema;
  /** The encodings of its fields, null where one is absent. */
  readonly parts: readonly (string | null)[];
  /** What the entry should be; undefined for none. */
  readonly encodings: string | undefined;
  /** What the row says that it holds, and by the token of which write. */
  readonly held: { readonly token: string; readonly encodings: string } | undefined;
  /** Fields of the row that note encodings, for patches of an index over several, and are not as they should be. */
  readonly notes: readonly (readonly [field: string, encoding: string | null])[];
}

/** A row as it was read, and what follows of it. */
export interface GlobalExpectations {
  readonly key: EntityKey;
  /** Empty where there is no row, or where it has expired: its entries are nobody's. */
  readonly version: string;
  /** A property whose stored value is not of its type; what the row should have is not known then. */
  readonly unreadable?: string;
  readonly globals: readonly GlobalExpectation[];
}

/** What follows of a row as it is stored. */
export function globalExpectationsOf(
  schema: EntitySchema,
  tag: string,
  id: string,
  row: Fields,
): GlobalExpectations {
  const key = entityKeyIn(schema, tag, id);
  const text = (field: string): string | undefined =>
    Object.hasOwn(row, field) ? row[field].toString() : undefined;
  const expiresAt = text(ROW_FIELDS.expiresAt);
  const isThere =
    Object.keys(row).length > 0 && !(expiresAt !== undefined && Number(expiresAt) <= Date.now());
  if (!isThere) return { key, version: '', globals: [] };
  const version = text(ROW_FIELDS.version) ?? '0';
  const globals: GlobalExpectation[] = [];
  for (const index of schema.globals) {
    const parts: (string | null)[] = [];
    for (const { property, codec } of index.fields)
      try {
        const stored = Object.hasOwn(row, property) ? codec.decode(row[property]) : undefined;
        parts.push(stored === undefined ? null : codec.order(stored));
      } catch {
        return { key, version, unreadable: property, globals: [] };
      }
    const hold = text(holdField(index));
    globals.push({
      index,
      parts,
      encodings: parts.includes(null) ? undefined : parts.join('\0'),
      held:
        hold === undefined
          ? undefined
          : { token: hold.slice(0, TOKEN_LENGTH), encodings: hold.slice(TOKEN_LENGTH) },
      notes: index.fields.flatMap(({ property }, i) => {
        const isNoted = index.fields.length === 1 || (text(encodingField(property)) ?? null) === parts[i];
        return isNoted ? [] : [[encodingField(property), parts[i]] as const];
      }),
    });
  }
  return { key, version, globals };
}
