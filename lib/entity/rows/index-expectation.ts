import { INDEX_LISTS, ROW_FIELDS, encodingField } from '../keys/stored-names.js';
import { type EntityKey, entityKeyIn } from '../keys/entity-key.js';
import type { EntitySchema, IndexSchema } from '../schema/entity-schema.js';
import type { Fields } from './row-reader.js';

/** What the index and the uniques of a partition should hold of a row. */
export interface IndexExpectation {
  readonly key: EntityKey;
  /** The version of the row, empty where there is none; and when it expires, empty for never. */
  readonly version: string;
  readonly expiresAt: string;
  /** The row's notes of its encodings: field and encoding. */
  readonly notes: ReadonlyMap<string, string | undefined>;
  readonly index: ReadonlySet<string>;
  readonly uniques: ReadonlySet<string>;
  /** A property whose stored value is not of its type; what the row should have is not known then. */
  readonly unreadable?: string;
}

/** What follows of a row as it is stored, expired or not: its entries are there until it is swept. */
export function expectationOf(schema: EntitySchema, tag: string, id: string, row: Fields): IndexExpectation {
  const key = entityKeyIn(schema, tag, id);
  const text = (field: string): string => (Object.hasOwn(row, field) ? row[field].toString() : '');
  const isThere = Object.keys(row).length > 0;
  const base = {
    key,
    version: isThere ? text(ROW_FIELDS.version) || '0' : '',
    expiresAt: text(ROW_FIELDS.expiresAt),
    notes: new Map<string, string | undefined>(),
    index: new Set<string>(),
    uniques: new Set<string>(),
  };
  if (!isThere) return base;
  const encodings = new Map<string, string | undefined>();
  for (const { property, codec } of schema.indexes.flatMap(({ fields }) => fields)) {
    if (encodings.has(property)) continue;
    try {
      const stored = Object.hasOwn(row, property) ? codec.decode(row[property]) : undefined;
      encodings.set(property, stored === undefined ? undefined : codec.order(stored));
    } catch {
      return { ...base, unreadable: property };
    }
    base.notes.set(encodingField(property), encodings.get(property));
  }
  base.index.add(`${INDEX_LISTS.rows}\0${id}`);
  if (base.expiresAt !== '')
    base.index.add(`${INDEX_LISTS.expiry}\0${base.expiresAt.padStart(16, '0')}\0${id}`);
  for (const index of schema.indexes) {
    const entry = entryOf(index, encodings);
    if (entry === undefined) continue;
    if (index.kind === 'unique') base.uniques.add(entry);
    else base.index.add(`${entry}\0${id}`);
  }
  return base;
}

function entryOf(
  { name, fields }: IndexSchema,
  encodings: ReadonlyMap<string, string | undefined>,
): string | undefined {
  const parts = fields.map(({ property }) => encodings.get(property));
  return parts.includes(undefined) ? undefined : [name, ...parts].join('\0');
}
