import { CommandAbortedError, onAbort } from './abort-signal.js';
import type { CallPolicy } from './call-policy.js';
import { DeadlineExceededError } from '../common/errors.js';
import { clearTimeout, monotonicMs, setTimeout } from '../common/timers.js';

/**
 * Waits for something that reads and has no deadline of its own, for as long as a call may take; it goes on without the
 * caller.
 * @param until milliseconds of `performance.now()`
 * @throws DeadlineExceededError, CommandAbortedError
 */
export async function inTime<T>(
  work: Promise<T>,
  name: string,
  { deadlineMs, signal }: CallPolicy,
  until: number,
): Promise<T> {
  let stop = (): void => {};
  const ended = new Promise<never>((_, reject) => {
    const timer = setTimeout(
      () => reject(new DeadlineExceededError(name, deadlineMs)),
      Math.max(0, until - monotonicMs()),
    );
    const leave = signal && onAbort(signal, () => reject(new CommandAbortedError(name, signal.reason)));
    stop = (): void => {
      clearTimeout(timer);
      leave?.();
    };
  });
  try {
    return await Promise.race([work, ended]);
  } finally {
    stop();
  }
}
