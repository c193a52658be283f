import { ABSENT, INDEX_LISTS, ROW_FIELDS, encodingField, encodingName } from '../keys/stored-names.js';
import { type EntityKey, entityKeyIn } from '../keys/entity-key.js';
import { listedDeletions } from '../keys/deletion-list.js';
import { isDeleted } from '../schema/deletion-schema.js';
import type { EntitySchema, IndexSchema } from '../schema/entity-schema.js';
import { storedIn, valueOf } from './field-storage.js';
import type { Fields } from './row-reader.js';

/** The entries that a partition's index and unique constraints should have for a row. */
export interface IndexExpectation {
  readonly key: EntityKey;
  /** The version of the row (empty if there is none), and when it expires (empty for never). */
  readonly version: string;
  readonly expiresAt: string;
  /** The fields with encodings that the row should have; undefined for an absent field. */
  readonly encodings: ReadonlyMap<string, string | undefined>;
  readonly index: ReadonlySet<string>;
  readonly uniques: ReadonlySet<string>;
  /** A property whose stored value does not have its type. The expected entries are unknown then. */
  readonly unreadable?: string;
}

/** Derives the expected entries from a stored row. An expired row has its entries until it is swept. */
export function expectationOf(schema: EntitySchema, tag: string, id: string, row: Fields): IndexExpectation {
  const key = entityKeyIn(schema, tag, id);
  const text = (field: string): string => (Object.hasOwn(row, field) ? row[field].toString() : '');
  const isThere = Object.keys(row).length > 0;
  const base = {
    key,
    version: isThere ? text(ROW_FIELDS.version) || '0' : '',
    expiresAt: text(ROW_FIELDS.expiresAt),
    encodings: new Map<string, string | undefined>(),
    index: new Set<string>(),
    uniques: new Set<string>(),
  };
  if (!isThere) return base;
  const encodings = new Map<string, string | undefined>();
  const indexes = [...schema.indexes, ...listedDeletions(schema)];
  const deleted = isDeleted(schema, row);
  for (const field of indexes.flatMap(({ fields }) => fields)) {
    const { property, codec } = field;
    const name = encodingName(field);
    if (encodings.has(name)) continue;
    try {
      const stored = storedIn(field, row);
      const isListed = !deleted || property === schema.deletion?.property;
      encodings.set(name, stored && isListed ? codec.order(valueOf(field, stored)) : undefined);
    } catch {
      return { ...base, unreadable: property };
    }
    base.encodings.set(encodingField(field), encodings.get(name));
  }
  base.index.add(`${INDEX_LISTS.rows}\0${id}`);
  if (base.expiresAt !== '')
    base.index.add(`${INDEX_LISTS.expiry}\0${base.expiresAt.padStart(16, '0')}\0${id}`);
  for (const index of indexes) {
    if (deleted && index.name !== INDEX_LISTS.deleted) continue;
    for (const entry of entriesOf(index, encodings))
      if (index.kind === 'unique') base.uniques.add(entry);
      else base.index.add(`${entry}\0${id}`);
  }
  return base;
}

function entriesOf(
  { name, fields, nulls = false }: IndexSchema,
  encodings: ReadonlyMap<string, string | undefined>,
): string[] {
  let entries = [name];
  for (const field of fields) {
    const encoding = encodings.get(encodingName(field)) ?? (nulls ? ABSENT : undefined);
    if (encoding === undefined) return [];
    const parts = field.form === 'elements' ? encoding.split('\0').slice(0, -1) : [encoding];
    entries = entries.flatMap((entry) => parts.map((part) => `${entry}\0${part}`));
  }
  return entries;
}
