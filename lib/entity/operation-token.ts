import { createHash, randomBytes } from 'node:crypto';
import { InvalidArgumentError } from '../cluster/errors.js';

/** Characters of a token; the scripts rely on it. */
export const TOKEN_LENGTH = 12;

/**
 * What a write leaves in its row, to be recognised when it is sent again for want of an answer.
 *
 * @param operationId the caller's own id of the operation; a random one without it.
 */
export function operationToken(operationId?: string): string {
  if (operationId !== undefined && typeof operationId !== 'string')
    throw new InvalidArgumentError('opId', 'opId must be a string');
  return operationId === undefined
    ? randomBytes(9).toString('base64url')
    : createHash('sha256').update(operationId).digest('base64url').slice(0, TOKEN_LENGTH);
}
