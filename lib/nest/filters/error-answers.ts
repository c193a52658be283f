import { STATUS_CODES } from 'node:http';
import { HttpStatus } from '@nestjs/common';
import { ClusterError, DeadlineExceededError, ReplyError } from '../../cluster/common/errors.js';

/** What an outside caller sees of an error. It contains no keys, nodes, commands or values. */
export interface ErrorAnswer {
  readonly statusCode: number;
  /** The error's code. */
  readonly code: string;
  readonly message: string;
}

/** HTTP statuses by the code of the error. */
export type StatusByCode = Readonly<Record<string, number>>;

const { NOT_FOUND, CONFLICT, SERVICE_UNAVAILABLE, GATEWAY_TIMEOUT } = HttpStatus;

/**
 * The statuses of errors that are meaningful to the caller. Any other error is `503` if it is `retryable`, or else a
 * bug in the application.
 */
export const STATUS_BY_CODE: StatusByCode = {
  ENTITY_NOT_FOUND: NOT_FOUND,
  ENTITY_EXISTS: CONFLICT,
  VERSION_CONFLICT: CONFLICT,
  UNIQUE_VIOLATION: CONFLICT,
  CONDITION_NOT_MET: CONFLICT,
  TRANSACTION_CONFLICT: CONFLICT,
  LOCK_LOST: CONFLICT,
  // the process is shutting down; another one can answer
  CLIENT_CLOSED: SERVICE_UNAVAILABLE,
  DEADLINE_EXCEEDED: GATEWAY_TIMEOUT,
  ABORTED: GATEWAY_TIMEOUT,
  // the write was done; 503 would invite the caller to send it again
  DURABILITY_NOT_REACHED: GATEWAY_TIMEOUT,
};

const MESSAGES: Readonly<Record<number, string>> = {
  [NOT_FOUND]: 'Not found',
  [CONFLICT]: 'The request conflicts with the current state of the resource',
  [SERVICE_UNAVAILABLE]: 'The service is not available now. Try again later',
  [GATEWAY_TIMEOUT]: 'The request was not completed in time',
};

const UNKNOWN_OUTCOME = 'It is unknown whether the request was carried out. Check before you send it again';

/**
 * Returns what to answer to an error, or undefined for a bug in the application.
 * @param overrides statuses that take precedence over the table
 */
export function answerTo(error: ClusterError, overrides: StatusByCode = {}): ErrorAnswer | undefined {
  const statusCode = ownEntry(overrides, error.code) ?? statusOf(error);
  if (statusCode === undefined) return undefined;
  const message =
    error.applied === 'unknown' ? UNKNOWN_OUTCOME : (MESSAGES[statusCode] ?? STATUS_CODES[statusCode]);
  return { statusCode, code: error.code, message: message ?? 'Error' };
}

function statusOf(error: ClusterError): number | undefined {
  if (error.applied === 'unknown') return GATEWAY_TIMEOUT;
  if (waitedForCluster(error)) return SERVICE_UNAVAILABLE;
  // a script can give its error any code
  const known = error instanceof ReplyError ? undefined : ownEntry(STATUS_BY_CODE, error.code);
  return known ?? (error.retryable ? SERVICE_UNAVAILABLE : undefined);
}

/** A call is retried until its deadline, so if a cluster is down or loading, that is the cause of this error. */
const waitedForCluster = (error: ClusterError): boolean =>
  error instanceof DeadlineExceededError && error.cause instanceof ClusterError && error.cause.retryable;

const ownEntry = (table: StatusByCode, code: string): number | undefined =>
  Object.hasOwn(table, code) ? table[code] : undefined;
