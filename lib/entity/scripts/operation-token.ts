import { createHash, randomBytes } from 'node:crypto';
import type { ArgsOnResend } from '../../cluster/command/call-policy.js';
import { InvalidArgumentError } from '../../cluster/common/errors.js';

/** Characters of a token. */
export const TOKEN_LENGTH = 12;

/**
 * What a write leaves in its row, to be recognized when it is sent again for want of an answer.
 *
 * @param operationId the caller's own id of the operation; a random one without it.
 * @param what what is done, and to what: one id of a request is for each of its writes another token.
 */
export function operationToken(operationId?: string, what = ''): string {
  if (operationId !== undefined && typeof operationId !== 'string')
    throw new InvalidArgumentError('opId', 'opId must be a string');
  return operationId === undefined
    ? randomToken()
    : createHash('sha256').update(`${what}\0${operationId}`).digest('base64url').slice(0, TOKEN_LENGTH);
}

const TOKEN_BYTES = 9;
/** Random bytes for some tokens to come: to ask for them takes far longer than to make a token of them. */
let random = Buffer.alloc(0);
let used = 0;

function randomToken(): string {
  if (used === random.length) {
    random = randomBytes(256 * TOKEN_BYTES);
    used = 0;
  }
  return random.toString('base64url', used, (used += TOKEN_BYTES));
}

/**
 * Tells a script whose first argument is a token that it is sent again, and how long ago it was sent first at most:
 * the milliseconds follow the token.
 */
export const tellResent: ArgsOnResend = (args, deadlineMs) => {
  const place = 2 + Number(args[1]); // EVALSHA sha keyCount keys… token …
  return args.with(place, `${String(args[place]).slice(0, TOKEN_LENGTH)}${deadlineMs}`);
};
