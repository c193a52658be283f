import { appliedOf, outcomeOfParts } from '../../cluster/retry/attempt-outcome.js';
import { ClusterError } from '../../cluster/common/errors.js';

/** Some keys of an MSET or MSETNX over several slots were written. Others were not, or that is unknown. */
export class PartialWriteError extends ClusterError {
  /** The keys that were written, as text. */
  readonly written: readonly string[];
  /**
   * Why the others were not written, by key, as text. For an `OutcomeUnknownError`, the key may have been
   * written.
   */
  readonly errors: ReadonlyMap<string, Error>;
  /** @param overrides `retryable`, if it does not follow from the errors */
  constructor(
    command: string,
    written: readonly string[],
    errors: ReadonlyMap<string, Error>,
    overrides: { retryable?: boolean } = {},
  ) {
    const reasons = [...new Set([...errors.values()].map((error) => error.message))].slice(0, 3).join('; ');
    super(`${command} did not write ${errors.size} of ${errors.size + written.length} keys (${reasons})`, {
      code: 'PARTIAL_WRITE',
      applied: outcomeOfParts(written.length, errors.values()).applied,
      retryable: overrides.retryable ?? [...errors.values()].every(mayPass),
    });
    this.written = written;
    this.errors = errors;
  }
}

/** An operation of several steps stopped after some of them; the `cause` says why. No data is lost. */
export class IncompleteOperationError extends ClusterError {
  /** What the completed steps have left behind, in words. */
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

/** The operation would read more elements into this process than `maxMembers` allows. Nothing was changed. */
export class TooManyMembersError extends ClusterError {
  constructor(command: string, maxMembers: number) {
    super(`${command} would read more than ${maxMembers} members into this process (maxMembers)`, {
      code: 'TOO_MANY_MEMBERS',
    });
  }
}

/** Writing the result took so long that the unfinished part expired. The destination is unchanged. */
export class TemporaryExpiredError extends ClusterError {
  constructor(command: string, cause?: unknown) {
    super(
      `${command} took too long between two of its steps, and its unfinished result has expired`,
      { code: 'TEMPORARY_EXPIRED', retryable: true },
      { cause },
    );
  }
}

/** Whether another call may write the key. If it was written already, writing the same value again is harmless. */
function mayPass(error: Error): boolean {
  return appliedOf(error) === 'unknown' || (error instanceof ClusterError && error.retryable);
}
