import { ClusterError, OutcomeUnknownError, ReplyError } from '../common/errors.js';
import { REFUSALS } from '../common/refusals.js';

/**
 * Whether nothing was executed, and the same call may succeed in a moment: a refusal of the table `REFUSALS`, a
 * connection that could not be opened, a node that is not known yet, a full queue.
 */
export function isTransient(error: unknown): error is ClusterError {
  return error instanceof ClusterError && error.retryable && error.applied === false;
}

/** The same for a call that only reads. Reading again does no harm, whatever became of the earlier attempt. */
export function isTransientForReads(error: unknown): error is ClusterError {
  return isTransient(error) || error instanceof OutcomeUnknownError;
}

/** Whether a server says that another node is to be asked: MOVED or ASK. */
export function isRedirect(error: unknown): error is ReplyError {
  if (!(error instanceof ReplyError)) return false;
  const remedy = REFUSALS.get(error.code)?.remedy;
  return remedy === 'moved' || remedy === 'ask';
}
