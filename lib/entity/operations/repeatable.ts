import { InvalidArgumentError } from '../../cluster/common/errors.js';
import type { EntitySchema } from '../schema/entity-schema.js';
import { isCheck, isExpiry, leavesToken } from './operation-kinds.js';
import type { RowOperation } from './row-operation.js';

/** Returns the purpose that distinguishes tokens of the same `opId`: the row, and what is done to it. */
export const purposeOf = ([operation]: readonly RowOperation[]): string =>
  operation ? `${operation.mode} ${operation.key.row}` : '';

/**
 * Checks that a commit is recognized if the caller repeats it with the same `opId`.
 *
 * @throws InvalidArgumentError if neither a row nor a token window remembers it.
 */
export function checkRepeatable(operations: readonly RowOperation[], opId: string | undefined): void {
  if (opId === undefined || operations.every(isCheck)) return;
  if (operations.every((operation) => isCheck(operation) || isExpiry(operation)))
    throw new InvalidArgumentError('opId', 'expire and persist are safe to repeat and do not accept an opId');
  if (operations.some(leavesToken)) return;
  if (!operations.some(({ schema }) => schema.hasWindow)) checkWindow(operations[0].schema, opId);
}

/**
 * Checks that the partition has a token window for a write that leaves no token in its row.
 *
 * @throws InvalidArgumentError if it has none and the caller passed an `opId`.
 */
export function checkWindow({ name, hasWindow }: EntitySchema, opId: string | undefined): void {
  if (opId === undefined || hasWindow) return;
  throw new InvalidArgumentError(
    'opId',
    `A delete, an increment or a write of a collection is recognized by its opId only in a token window: ` +
      `declare ${name} with @ClusterEntity({ idempotency: 'window' })`,
  );
}
