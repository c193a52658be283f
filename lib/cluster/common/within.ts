import { clearTimeout, setTimeout } from './timers.js';

/** Resolves as the promise does, or with what `onTimeout` returns if that takes longer than `timeoutMs`. */
export async function within<T>(
  timeoutMs: number,
  promise: Promise<T>,
  onTimeout: () => T | Promise<T>,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => (timer = setTimeout(resolve, timeoutMs)));
  try {
    return await Promise.race([promise, limit.then(onTimeout)]);
  } finally {
    clearTimeout(timer);
  }
}
