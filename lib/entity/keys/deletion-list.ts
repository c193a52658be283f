import type { EntitySchema, IndexSchema } from '../schema/entity-schema.js';
import { INDEX_LISTS } from './stored-names.js';

/**
 * Returns the lists of a partition that writes maintain like indexes: that of softly deleted rows, by time. Queries do
 * not use them.
 */
export function listedDeletions({ deletion }: EntitySchema): readonly IndexSchema[] {
  return deletion ? [{ kind: 'index', name: INDEX_LISTS.deleted, fields: [deletion.field] }] : NONE;
}

const NONE: readonly IndexSchema[] = [];
