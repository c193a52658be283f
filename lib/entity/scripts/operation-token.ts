import { createHash } from 'node:crypto';
import { randomBytes } from '../../cluster/runtime/randomness.js';
import type { ArgsOnResend } from '../../cluster/command/call-policy.js';
import { describeKind } from '../../cluster/common/describe-value.js';
import { InvalidArgumentError } from '../../cluster/common/errors.js';

/** The length of a token in characters. */
export const TOKEN_LENGTH = 12;

/**
 * Returns the token that a write leaves in its row, so that it is recognized if it is sent again after a lost reply.
 *
 * @param operationId the caller's `opId`; without it, the token is random.
 * @param what the purpose of the write, so that several writes of one request with the same `opId` get distinct tokens.
 */
export function operationToken(operationId?: string, what = ''): string {
  if (operationId !== undefined && typeof operationId !== 'string')
    throw new InvalidArgumentError('opId', `opId must be a string, got ${describeKind(operationId)}`);
  return operationId === undefined
    ? randomToken()
    : createHash('sha256').update(`${what}\0${operationId}`).digest('base64url').slice(0, TOKEN_LENGTH);
}

const TOKEN_BYTES = 9;
/** Random bytes for the next tokens, and where they are from. Requesting them takes far longer than making a token. */
let random: Buffer = Buffer.alloc(0);
let source = randomBytes;
let used = 0;

function randomToken(): string {
  if (used === random.length || source !== randomBytes) {
    source = randomBytes;
    random = source(256 * TOKEN_BYTES);
    used = 0;
  }
  return random.toString('base64url', used, (used += TOKEN_BYTES));
}

/**
 * Marks a resent script, whose first argument is a token: appends the greatest possible age of the call, in
 * milliseconds, to the token. The age that a token already has is that of an earlier call.
 */
export const ageToken: ArgsOnResend = (args, deadlineMs) => {
  const place = 2 + Number(args[1]); // EVALSHA sha keyCount keys… token …
  const text = String(args[place]);
  return args.with(place, `${text.slice(0, TOKEN_LENGTH)}${Number(text.slice(TOKEN_LENGTH)) + deadlineMs}`);
};
