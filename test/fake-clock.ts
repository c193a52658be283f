import { jest } from '@jest/globals';

/**
 * Puts Jest's fake clock and timers under modules of `lib/`, which otherwise keep the real ones, for tests of what
 * happens after a while. It is in force for modules that are imported afterwards, with `await import(…)`; nothing that
 * was imported before is affected. `setImmediate` stays real, so that sockets are read in between.
 */
export function fakeClock(): void {
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'clearImmediate', 'nextTick', 'queueMicrotask'] });
  jest.resetModules();
  jest.unstable_mockModule('../lib/cluster/common/timers.js', () => ({
    setTimeout,
    clearTimeout,
    setInterval,
    clearInterval,
    setImmediate,
    queueMicrotask,
    nextTick: process.nextTick.bind(process),
    monotonicMs: () => performance.now(),
    timeOrigin: performance.timeOrigin,
    unixMs: () => Date.now(),
    delay: (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms)),
    LONGEST_TIMER_MS: 2 ** 31 - 1,
    LONG_TURN_MS: 20,
  }));
}

/** Lets time pass by the fake clock. Timers that are due run, and promises are followed, in their order. */
export const pass = (ms: number): Promise<void> => jest.advanceTimersByTimeAsync(ms);

/** Lets time pass by the fake clock as for a process that stands still: nothing but timers runs until it is over. */
export const standStill = (ms: number): void => jest.advanceTimersByTime(ms);
