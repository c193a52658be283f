import timers from 'node:timers';
import promisedTimers from 'node:timers/promises';

/*
 * The clock and the timers, as they were when this file was loaded. Test runners replace them by fakes, which do not
 * advance on their own. Sockets and servers do not follow fakes, and a client that did would never send again.
 */

export const { setTimeout, clearTimeout, setInterval, clearInterval, setImmediate } = timers;
export const { setTimeout: delay } = promisedTimers;
export const { queueMicrotask } = globalThis;
export const nextTick: typeof process.nextTick = process.nextTick.bind(process);
/** Milliseconds of a clock that never jumps. */
export const monotonicMs: () => number = performance.now.bind(performance);
