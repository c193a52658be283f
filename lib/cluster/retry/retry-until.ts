import { backoffMs } from './backoff.js';

/** Until when attempts are made; a `CallLimit` is one. */
export interface RetryLimit {
  /** No further attempt is made. */
  readonly over: boolean;
  /** The error for a caller whose time is over. @param lastError why it had to wait */
  error(lastError?: Error): Error;
  /** Waits for some ms, or until the limit. */
  pause(ms: number): Promise<void>;
}

/** What an attempt led to: a result, or an error after which another attempt may follow. */
export type Attempt<T> =
  | { readonly result: T }
  | {
      /** Undefined if the attempt met nothing that explains the wait. */
      readonly lastError: Error | undefined;
      /** The next attempt follows at once. */
      readonly promptly?: boolean;
      /** The attempt may have been executed; the next one does it again. */
      readonly resent?: boolean;
    };

/**
 * Makes attempts until one has a result, with a backoff between them that grows, or until the limit.
 * @param attempt throws errors that no further attempt can mend
 * @param onLimit the error for the caller at the limit, by default that of the limit
 */
export async function retryUntil<T>(
  limit: RetryLimit,
  attempt: () => Promise<Attempt<T>>,
  onLimit: (lastError: Error | undefined) => Error = (lastError) => limit.error(lastError),
): Promise<T> {
  let lastError: Error | undefined;
  for (let count = 1; ; count++) {
    if (limit.over) throw onLimit(lastError);
    const outcome = await attempt();
    if ('result' in outcome) return outcome.result;
    // an attempt that the limit ended knows less than the one before
    if (!limit.over || lastError === undefined) lastError = outcome.lastError ?? lastError;
    if (!outcome.promptly && !limit.over) await limit.pause(backoffMs(count));
  }
}
