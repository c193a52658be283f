import timers from 'node:timers';
import promisedTimers from 'node:timers/promises';

/** The longest delay of a timer of Node.js, in ms. A longer one would fire at once. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * A turn of the event loop that takes longer than this, in ms, contains work of the application. It does not count against
 * the deadlines of calls that are made in it.
 */
export const LONG_TURN_MS = 20;

/** The clocks and timers of a process. */
export interface Timers {
  readonly setTimeout: typeof timers.setTimeout;
  readonly clearTimeout: typeof timers.clearTimeout;
  readonly setInterval: typeof timers.setInterval;
  readonly clearInterval: typeof timers.clearInterval;
  readonly setImmediate: typeof timers.setImmediate;
  readonly delay: typeof promisedTimers.setTimeout;
  readonly queueMicrotask: typeof globalThis.queueMicrotask;
  readonly nextTick: typeof process.nextTick;
  /** Milliseconds of a clock that never jumps. */
  readonly monotonicMs: () => number;
  /** When `monotonicMs` was 0, in milliseconds since 1970. */
  readonly timeOrigin: number;
  /** Milliseconds since 1970, by the clock of the machine. Fake timers of a test runner change it. */
  readonly unixMs: () => number;
}

/**
 * The clock and the timers, as they were when this file was loaded. Test runners replace them by fakes, which do not
 * advance on their own. Sockets and servers do not follow fakes, and a client that did would never send again.
 */
export const NODE_TIMERS: Timers = {
  ...timers,
  delay: promisedTimers.setTimeout,
  queueMicrotask: globalThis.queueMicrotask,
  nextTick: process.nextTick.bind(process),
  monotonicMs: performance.now.bind(performance),
  timeOrigin: performance.timeOrigin,
  unixMs: () => Date.now(),
};

export let {
  setTimeout,
  clearTimeout,
  setInterval,
  clearInterval,
  setImmediate,
  delay,
  queueMicrotask,
  nextTick,
  monotonicMs,
  timeOrigin,
  unixMs,
}: Timers = NODE_TIMERS;

/** Replaces what this file exports, for all who have imported it; see `useRuntime`. */
export function replaceTimers(given: Timers): void {
  ({
    setTimeout,
    clearTimeout,
    setInterval,
    clearInterval,
    setImmediate,
    delay,
    queueMicrotask,
    nextTick,
    monotonicMs,
    timeOrigin,
    unixMs,
  } = given);
}
