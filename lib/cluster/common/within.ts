import { LoopTimer } from './loop-timer.js';
import { clearTimeout, setTimeout } from './timers.js';

/** Resolves like the promise, or with the result of `onTimeout` if that takes longer than `timeoutMs`. */
export function within<T>(
  timeoutMs: number,
  promise: Promise<T>,
  onTimeout: () => T | Promise<T>,
): Promise<T> {
  return race(promise, onTimeout, (resolve) => {
    const timer = setTimeout(resolve, timeoutMs);
    return () => clearTimeout(timer);
  });
}

/** Does the same, but counts only the time in which the event loop runs; see `LoopTimer`. */
export function withinLoopTime<T>(
  timeoutMs: number,
  promise: Promise<T>,
  onTimeout: () => T | Promise<T>,
): Promise<T> {
  return race(promise, onTimeout, (resolve) => {
    const timer = new LoopTimer(timeoutMs, resolve);
    return () => timer.cancel();
  });
}

async function race<T>(
  promise: Promise<T>,
  onTimeout: () => T | Promise<T>,
  start: (onEnd: () => void) => () => void,
): Promise<T> {
  let cancel: (() => void) | undefined;
  const limit = new Promise<void>((resolve) => (cancel = start(resolve)));
  try {
    return await Promise.race([promise, limit.then(onTimeout)]);
  } finally {
    cancel?.();
  }
}
