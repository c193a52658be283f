import type { RowOperation, WriteMode } from './row-operation.js';

/** Returns whether an operation only sets when its row expires. */
export const isExpiry = ({ mode, increments, collected }: RowOperation): boolean =>
  mode === 'touch' && !increments && !collected;

/** Returns whether an operation writes nothing. */
export const isCheck = ({ mode, increments, collected }: RowOperation): boolean =>
  (mode === 'check' || mode === 'absent') && !increments && !collected;

/** Returns whether an operation leaves its token in its row. */
export const leavesToken = ({ mode }: RowOperation): boolean => LEAVING_TOKENS.has(mode);

/** Returns whether its row recognizes the whole operation by that token. */
export const isRemembered = (operation: RowOperation): boolean =>
  leavesToken(operation) && !operation.increments && !operation.collected;

const LEAVING_TOKENS: ReadonlySet<WriteMode> = new Set<WriteMode>(['insert', 'update', 'upsert']);

/** Splits operations into the first of each row, and the others. */
export function firstOfRows(operations: readonly RowOperation[]): [RowOperation[], RowOperation[]] {
  const rows = new Set<string>();
  const [first, later]: [RowOperation[], RowOperation[]] = [[], []];
  for (const operation of operations) {
    (rows.has(operation.key.row) ? later : first).push(operation);
    rows.add(operation.key.row);
  }
  return [first, later];
}
