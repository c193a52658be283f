import { NODE_RUNTIME, type Runtime } from '../../../lib/cluster/runtime/runtime.js';
import type { Random } from '../../../lib/testing/memory/keyspace/random.js';
import type { ScheduledEvent, VirtualTime } from './virtual-time.js';

/** When simulations begin, in milliseconds since 1970. */
export const EPOCH = 1_800_000_000_000;

/** A timer of virtual time, with those members of a timer of Node.js that clients use. */
class VirtualTimer {
  event: ScheduledEvent | undefined = undefined;

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  cancel(): void {
    if (this.event) this.event.isCancelled = true;
  }
}

/** Returns a runtime whose clocks and timers are those of virtual time, and whose random numbers repeat. */
export function virtualRuntime(time: VirtualTime, random: Random): Runtime {
  const clear = (timer: VirtualTimer | undefined): void => timer?.cancel();
  const started = (start: (timer: VirtualTimer) => void): VirtualTimer => {
    const timer = new VirtualTimer();
    start(timer);
    return timer;
  };
  const randomBytes = (size: number): Buffer =>
    Buffer.from(Array.from({ length: size }, () => Math.floor(random() * 256)));
  const timers = {
    setTimeout: (run: (...args: unknown[]) => void, ms = 1, ...args: unknown[]) =>
      started((timer) => (timer.event = time.after(Math.max(1, ms), () => run(...args)))),
    setInterval: (run: (...args: unknown[]) => void, ms: number, ...args: unknown[]) =>
      started((timer) => {
        const beat = (): void => {
          timer.event = time.after(Math.max(1, ms), beat);
          run(...args);
        };
        timer.event = time.after(Math.max(1, ms), beat);
      }),
    setImmediate: (run: (...args: unknown[]) => void, ...args: unknown[]) =>
      started((timer) => (timer.event = time.afterThisTurn(() => run(...args)))),
    clearTimeout: clear,
    clearInterval: clear,
    delay: (ms: number, value?: unknown, options: { readonly signal?: AbortSignal } = {}) =>
      new Promise((resolve, reject) => {
        const { signal } = options;
        if (signal?.aborted === true) return reject(signal.reason as Error);
        const event = time.after(Math.max(1, ms), () => resolve(value));
        signal?.addEventListener('abort', () => {
          event.isCancelled = true;
          reject(signal.reason as Error);
        });
      }),
    monotonicMs: () => time.now,
    timeOrigin: EPOCH,
    unixMs: () => EPOCH + Math.floor(time.now),
  };
  return {
    // promises and ticks are followed between two events
    ...NODE_RUNTIME,
    // clients use a timer as what the members of VirtualTimer are
    ...(timers as unknown as Partial<Runtime>),
    random,
    randomBytes,
    randomUUID: () => randomBytes(16).toString('hex'),
    connectTcp: refuseSocket,
    connectTls: refuseSocket,
  };
}

function refuseSocket(): never {
  throw new Error('A simulation opens no real socket');
}
