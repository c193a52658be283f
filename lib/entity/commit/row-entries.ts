import { withGlobals } from '../operations/global-changes.js';
import { isDeletionWritten, withIndexes } from '../operations/index-changes.js';
import type { RowOperation } from '../operations/row-operation.js';
import { isDeleted } from '../schema/deletion-schema.js';

/** Adds the changes of indexes and unique constraints, of the partition and global ones, to an operation. */
export const withEntries = (operation: RowOperation, values: object = {}): RowOperation =>
  withGlobals(withIndexes(withChange(operation, values), values), values);

function withChange(operation: RowOperation, values: object): RowOperation {
  if (operation.mode !== 'update' || !isDeletionWritten(operation)) return operation;
  return { ...operation, change: isDeleted(operation.schema, values) ? 'softDelete' : 'restore' };
}
