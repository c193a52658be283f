/** Frames that the stack of an error has beside the usual ones: those of the library come before the caller's. */
const OWN_FRAMES = 20;

/**
 * Rejects with an error whose stack shows the caller that awaits the call. To be given to the `resolve` function of
 * the caller's promise, so that only failures pay for it: V8 finds the functions that await a promise, but only while
 * it runs a continuation that this promise depends on.
 */
export async function thrownToCaller(error: Error): Promise<never> {
  // the caller's promise follows this one only after a turn of the microtask queue
  await undefined;
  await undefined;
  captureCaller(error, thrownToCaller);
  throw error;
}

/** Resolves with the results of a batch, after its errors have got the stack of the caller; see `thrownToCaller`. */
export async function resultsToCaller<T>(results: T, errors: readonly Error[]): Promise<T> {
  await undefined;
  await undefined;
  captureCallerOfAll(errors, resultsToCaller);
  return results;
}

/**
 * Gives an error the present stack, asynchronous callers included.
 * @param hidden the function whose frame, and all above it, are left out
 */
export function captureCaller(error: Error, hidden: (...args: never[]) => unknown): void {
  withMoreFrames(() => Error.captureStackTrace(error, hidden));
}

/** Gives many errors the present stack, which is captured once. */
export function captureCallerOfAll(errors: readonly Error[], hidden: (...args: never[]) => unknown): void {
  if (errors.length === 0) return;
  const here = new Error();
  captureCaller(here, hidden);
  const { stack = '' } = here;
  const at = stack.indexOf('\n');
  const frames = at === -1 ? '' : stack.slice(at);
  for (const error of errors) {
    const value = `${error.name}: ${error.message}${frames}`;
    Object.defineProperty(error, 'stack', { value, configurable: true, writable: true });
  }
}

function withMoreFrames(capture: () => void): void {
  const limit = Error.stackTraceLimit;
  // who wants no stacks gets none
  if (typeof limit === 'number' && limit > 0) Error.stackTraceLimit = limit + OWN_FRAMES;
  capture();
  Error.stackTraceLimit = limit;
}
