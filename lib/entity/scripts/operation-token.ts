import { createHash } from 'node:crypto';
import { unixMs } from '../../cluster/common/timers.js';
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

/** Where the time of a call is in the first argument of its script: between the token's first characters and the rest. */
const TIME_AT = 8;
const TIME_LENGTH = 4;

/**
 * Returns the first argument of a script that writes rows: a token, as `operationToken` returns it, with the time of the
 * call.
 */
export function callToken(operationId?: string, what?: string): string {
  const token = operationToken(operationId, what);
  return `${token.slice(0, TIME_AT)}${callTime()}${token.slice(TIME_AT)}`;
}

let second = -1;
let secondText = '';

/**
 * Returns the time in seconds since 1970, as the last 24 bits in four characters of six bits each, from `0` on. They
 * count 194 days.
 */
function callTime(): string {
  const now = Math.floor(unixMs() / 1000);
  if (now !== second) {
    second = now;
    secondText = String.fromCharCode(...[18, 12, 6, 0].map((shift) => 48 + ((now >>> shift) & 63)));
  }
  return secondText;
}

/** Marks the first argument of a script that is sent again, which `callToken` returned: `r` follows the token. */
export const markResent: ArgsOnResend = (args) => {
  const place = 2 + Number(args[1]); // EVALSHA sha keyCount keys… token …
  return args.with(place, resentToken(String(args[place])));
};

/** Returns a token that may have been sent before. */
export const resentToken = (text: string): string => text.replace(RESENT, '$1r');
const RESENT = new RegExp(`^(.{${TOKEN_LENGTH + TIME_LENGTH}})r?`);
