import { ClusterError, OutcomeUnknownError, ReplyError } from '../common/errors.js';
import { REFUSALS } from '../common/refusals.js';

/**
 * Whether nothing was executed, and the same call may succeed in a moment: after a refusal of the table
 * `REFUSALS`, a connection that could not be opened, an unknown node, or a full queue.
 */
export function isTransient(error: unknown): error is ClusterError {
  return error instanceof ClusterError && error.retryable && error.applied === false;
}

/**
 * Returns the same for a call that only reads. Reading again is harmless, whatever happened to the earlier
 * attempt.
 */
export function isTransientForReads(error: unknown): error is ClusterError {
  return isTransient(error) || error instanceof OutcomeUnknownError;
}

/** Whether a server redirects to another node: MOVED or ASK. */
export function isRedirect(error: unknown): error is ReplyError {
  if (!(error instanceof ReplyError)) return false;
  const remedy = REFUSALS.get(error.code)?.remedy;
  return remedy === 'moved' || remedy === 'ask';
}
