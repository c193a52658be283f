import { InvalidArgumentError } from '../../cluster/common/errors.js';
import type { EntitySchema } from '../schema/entity-schema.js';
import { isCheck, isExpiry, leavesToken } from './operation-kinds.js';
import type { RowOperation } from './row-operation.js';

/** What a caller's id of an operation is for: the row, and what is done to it. */
export const purposeOf = ([operation]: readonly RowOperation[]): string =>
  operation ? `${operation.mode} ${operation.key.row}` : '';

/**
 * Whether a commit that is made again by the caller's own id is recognized.
 *
 * @throws InvalidArgumentError where nothing remembers it.
 */
export function checkRepeatable(operations: readonly RowOperation[], opId: string | undefined): void {
  if (opId === undefined || operations.every(isCheck)) return;
  if (operations.every((operation) => isCheck(operation) || isExpiry(operation)))
    throw new InvalidArgumentError('opId', 'expire and persist are safe to repeat and do not accept an opId');
  if (operations.some(leavesToken)) return;
  if (!operations.some(({ schema }) => schema.hasWindow)) checkWindow(operations[0].schema, opId);
}

/**
 * @throws InvalidArgumentError where a write by the caller's own id leaves no token, and the partition has no window.
 */
export function checkWindow({ name, hasWindow }: EntitySchema, opId: string | undefined): void {
  if (opId === undefined || hasWindow) return;
  throw new InvalidArgumentError(
    'opId',
    `A delete, an increment or a write of a collection is recognized by its opId only in a token window: ` +
      `declare ${name} with @ClusterEntity({ idempotency: 'window' })`,
  );
}
