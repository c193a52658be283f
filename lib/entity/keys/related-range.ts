import { INDEX_LISTS } from './stored-names.js';
import type { EntitySchema, IndexSchema } from '../schema/entity-schema.js';
import type { RelationSchema } from '../schema/relation-schema.js';
import { type EntityKey, indexKey } from './entity-key.js';
import type { Span } from './index-entry.js';

/** The part of an index that lists the related rows of one row. */
export interface RelatedRange {
  /** The key of the index. */
  readonly key: string;
  /** The index, by its name; absent for the list of all rows. */
  readonly name?: string;
  readonly range: Span;
}

/**
 * Returns where the related rows of a row are listed.
 *
 * @param related the schema of the related class.
 */
export function relatedRange({ by }: RelationSchema, related: EntitySchema, key: EntityKey): RelatedRange {
  const at = indexKey(related, key.tag);
  if (by === undefined) return { key: at, range: spanOf(INDEX_LISTS.rows) };
  const { name, fields } = relatingIndex(by, related);
  return { key: at, name, range: spanOf(`${name}\0${fields[0].codec.order(key.id)}`) };
}

/** Returns the smallest index that lists the rows of a class by a property. */
export const relatingIndex = (by: string, { indexes }: EntitySchema): IndexSchema =>
  indexes
    .filter(
      ({ kind, fields }) =>
        kind === 'index' &&
        fields[0].property === by &&
        fields[0].form === 'plain' &&
        fields.every(({ form }) => form !== 'elements'),
    )
    .reduce((one, other) => (other.fields.length < one.fields.length ? other : one));

const spanOf = (beginning: string): Span => ({
  from: Buffer.from(`${beginning}\0`),
  to: Buffer.from(`${beginning}\x01`),
});
