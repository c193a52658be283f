import { withGlobals } from '../operations/global-changes.js';
import { withIndexes } from '../operations/index-changes.js';
import type { RowOperation } from '../operations/row-operation.js';

/** Adds the changes of indexes and unique constraints, of the partition and global ones, to an operation. */
export const withEntries = (operation: RowOperation, values: object = {}): RowOperation =>
  withGlobals(withIndexes(operation, values), values);
