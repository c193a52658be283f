import { ClusterError, OutcomeUnknownError, type Applied } from '../common/errors.js';
import type { RetryMode } from '../options/options.js';

/**
 * What an error may say of a call that is made of attempts, or of parts. An attempt that was handed to a socket and
 * lost its reply may have been executed, and nothing that later ones meet (a refusal, a deadline, a close) takes that
 * back.
 *
 * | what the client knows                                  | `applied`                  | `retryable`            |
 * | ------------------------------------------------------ | -------------------------- | ---------------------- |
 * | no attempt lost its reply                              | as the last error says     | as the last error says |
 * | an attempt lost its reply                              | `'unknown'`, unless `true` | false                  |
 * | parts: none succeeded, and each is certainly not applied | false                    | if each is             |
 * | parts: anything else                                   | `'unknown'`                | if each is             |
 */

/** Returns the error of a call, given that of its last attempt. @param mayHaveRun an earlier reply was lost */
export function afterAttempts(name: string, error: Error, mayHaveRun: boolean): Error {
  if (!mayHaveRun || (error instanceof ClusterError && error.applied !== false)) return error;
  return new OutcomeUnknownError(name, 'the reply to an earlier attempt was lost', { cause: error });
}

/** Returns what an error says about whether the call was executed. Foreign errors say nothing. */
export function appliedOf(error: unknown): Applied {
  return error instanceof ClusterError ? error.applied : 'unknown';
}

/** Returns what is known of a call of several parts, some of which have failed. */
export function outcomeOfParts(
  succeeded: number,
  errors: Iterable<unknown>,
): { applied: Applied; retryable: boolean } {
  const failures = [...errors];
  const untouched = succeeded === 0 && failures.every((error) => appliedOf(error) === false);
  const retryable = failures.every((error) => error instanceof ClusterError && error.retryable);
  return { applied: untouched ? false : 'unknown', retryable };
}

/** The properties of a call that decide whether it may be sent again. */
export interface Repeatable {
  /** Whether a second execution makes no difference. */
  readonly idempotent: boolean;
  /** Whether it changes nothing. */
  readonly reads: boolean;
}

/** The calls that are sent again after a lost reply, by the option `retry`. */
const RESENT: Readonly<Record<RetryMode, (call: Repeatable) => boolean>> = {
  safe: ({ idempotent }) => idempotent,
  reads: ({ reads }) => reads,
  never: () => false,
  always: () => true,
};

/** Whether a call whose reply was lost is sent again. */
export function isResent(retry: RetryMode, call: Repeatable): boolean {
  return RESENT[retry](call);
}
