import { withEntries } from '../commit/row-entries.js';
import type { EntityKey } from '../keys/entity-key.js';
import type { RowOperation } from '../operations/row-operation.js';
import type { RowMapper } from '../rows/row-mapper.js';
import { deletionOf } from '../schema/deletion-schema.js';

/** Returns the soft delete of a row that is not deleted, whatever its version. */
export function softDeleteOperation(mapper: RowMapper, key: EntityKey): RowOperation {
  const { schema } = mapper;
  const { property } = deletionOf(schema);
  const now = new Date(mapper.now());
  const values = { [property]: now, ...(schema.updatedAt && { [schema.updatedAt]: now }) };
  const { set, removed } = mapper.patch(values);
  const guards = [[property, undefined]] as const;
  return withEntries({ schema, key, mode: 'update', guards, set, removed }, values);
}
