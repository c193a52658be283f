import { appliedOf, fateOfParts } from '../../cluster/retry/attempt-outcome.js';
import { ClusterError } from '../../cluster/common/errors.js';

/** Some keys of an MSET or MSETNX over several slots were written, and others not, or not for certain. */
export class PartialWriteError extends ClusterError {
  /** The keys that were written, as text. */
  readonly written: readonly string[];
  /** Why others were not, by key, as text. An `OutcomeUnknownError` among them: that key may have been written. */
  readonly errors: ReadonlyMap<string, Error>;
  /** @param fate `retryable` where it does not follow from the errors */
  constructor(
    command: string,
    written: readonly string[],
    errors: ReadonlyMap<string, Error>,
    fate: { retryable?: boolean } = {},
  ) {
    const reasons = [...new Set([...errors.values()].map((error) => error.message))].slice(0, 3).join('; ');
    super(`${command} did not write ${errors.size} of ${errors.size + written.length} keys (${reasons})`, {
      code: 'PARTIAL_WRITE',
      applied: fateOfParts(written.length, errors.values()).applied,
      retryable: fate.retryable ?? [...errors.values()].every(mayPass),
    });
    this.written = written;
    this.errors = errors;
  }
}

/** An operation of several steps did some of them and could not go on; the `cause` says why. Nothing is lost. */
export class IncompleteOperationError extends ClusterError {
  /** What the steps that were done have left, in words. */
  readonly left: string;
  constructor(operation: string, left: string, retryable: boolean, cause: unknown) {
    super(
      `${operation} stopped half-way: ${left}`,
      { code: 'INCOMPLETE_OPERATION', retryable, applied: 'unknown' },
      { cause },
    );
    this.left = left;
  }
}

/** The operation would bring more elements into this process than `maxMembers` allows. Nothing was changed. */
export class TooManyMembersError extends ClusterError {
  constructor(command: string, maxMembers: number) {
    super(`${command} would read more than ${maxMembers} members into this process (maxMembers)`, {
      code: 'TOO_MANY_MEMBERS',
    });
  }
}

/** The result took so long to be written that what there was of it has expired. The destination is unchanged. */
export class TemporaryExpiredError extends ClusterError {
  constructor(command: string, cause?: unknown) {
    super(
      `${command} took too long between two of its steps, and its unfinished result has expired`,
      { code: 'TEMPORARY_EXPIRED', retryable: true },
      { cause },
    );
  }
}

/** Another call may write the key; where it was written already, the same value does no harm. */
function mayPass(error: Error): boolean {
  return appliedOf(error) === 'unknown' || (error instanceof ClusterError && error.retryable);
}
