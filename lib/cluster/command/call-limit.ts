import { CommandAbortedError, onAbort, pauseFor } from './abort-signal.js';
import { DeadlineExceededError } from '../common/errors.js';
import {
  clearTimeout,
  LONG_TURN_MS,
  LONGEST_TIMER_MS,
  monotonicMs,
  nextTick,
  setTimeout,
} from '../common/timers.js';

/** The limit of a call: its deadline, or the abort of its signal. */
export class CallLimit {
  private endsAt: number;
  private readonly ends = new WeakSet<Error>();

  /**
   * @param name the name of the work, for errors
   * @param until the deadline, if it has begun to count already; milliseconds of `performance.now()`
   */
  constructor(
    readonly name: string,
    private readonly deadlineMs: number,
    readonly signal: AbortSignal | undefined,
    until?: number,
  ) {
    const madeAt = monotonicMs();
    this.endsAt = until ?? madeAt + deadlineMs;
    if (until === undefined) nextTick(() => this.skipLongTurn(monotonicMs() - madeAt));
  }

  /** The deadline; milliseconds of `performance.now()`. */
  get until(): number {
    return this.endsAt;
  }

  /** The time left until the deadline, in ms; not below 0. */
  get left(): number {
    return Math.max(0, this.endsAt - monotonicMs());
  }

  /** The delay of a timer that must not fire before the deadline, in ms. A timer can fire a millisecond early. */
  get timerMs(): number {
    return Math.min(LONGEST_TIMER_MS, Math.ceil(this.left) + 1);
  }

  /** Whether the limit is reached. */
  get over(): boolean {
    return this.signal?.aborted === true || monotonicMs() >= this.endsAt;
  }

  /** Moves the deadline: the time for which a server has a blocking call does not count. */
  extend(ms: number): void {
    this.endsAt += ms;
  }

  /**
   * Returns the error for a caller whose limit is reached.
   * @param lastError the last reason to wait
   */
  error(lastError?: Error): Error {
    if (this.signal?.aborted) return new CommandAbortedError(this.name, this.signal.reason);
    // that the limit was reached does not explain why
    const cause = this.ended(lastError) ? undefined : lastError;
    return new DeadlineExceededError(this.name, this.deadlineMs, { cause });
  }

  /**
   * Waits for work up to the limit. A later result is dropped. @throws what `error` returns, or what the work
   * rejects with
   */
  wait<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      let ignore: (() => void) | undefined;
      let timer: NodeJS.Timeout | undefined;
      const leave = (): void => {
        clearTimeout(timer);
        ignore?.();
      };
      const end = (): void => {
        leave();
        const error = this.error();
        this.ends.add(error);
        reject(error);
      };
      const arm = (): void => {
        // the deadline may have moved since
        timer = setTimeout(() => (this.over ? end() : arm()), this.timerMs);
      };
      arm();
      ignore = this.signal && onAbort(this.signal, end);
      work.then(resolve, reject).finally(leave);
    });
  }

  /** Whether the limit ended a wait, given the error that `wait` threw. */
  ended(error: unknown): boolean {
    return error instanceof Error && this.ends.has(error);
  }

  private skipLongTurn(ms: number): void {
    if (ms > LONG_TURN_MS) this.extend(ms);
  }

  /** Waits for some ms, or until the limit. */
  pause(ms: number): Promise<void> {
    return pauseFor(Math.min(ms, this.timerMs), this.signal);
  }
}
