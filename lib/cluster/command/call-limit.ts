import { CommandAbortedError, onAbort, pauseFor } from './abort-signal.js';
import { DeadlineExceededError } from '../common/errors.js';
import { clearTimeout, monotonicMs, setTimeout } from '../common/timers.js';

/** How long a caller waits: until the deadline of the call, or until its signal aborts. */
export class CallLimit {
  private endsAt: number;
  private readonly ends = new WeakSet<Error>();

  /** @param name what errors call the work */
  constructor(
    readonly name: string,
    private readonly deadlineMs: number,
    readonly signal: AbortSignal | undefined,
  ) {
    this.endsAt = monotonicMs() + deadlineMs;
  }

  /** What is left until the deadline, in ms; not below 0. */
  get left(): number {
    return Math.max(0, this.endsAt - monotonicMs());
  }

  /** The caller waits no longer. */
  get over(): boolean {
    return this.signal?.aborted === true || monotonicMs() >= this.endsAt;
  }

  /** Takes time out of the account: that for which a server has had a call which blocks. */
  extend(ms: number): void {
    this.endsAt += ms;
  }

  /**
   * What the caller is told once the limit is reached.
   * @param lastError the last reason to wait
   */
  error(lastError?: Error): Error {
    return this.signal?.aborted
      ? new CommandAbortedError(this.name, this.signal.reason)
      : new DeadlineExceededError(this.name, this.deadlineMs, { cause: lastError });
  }

  /**
   * Waits for work up to the limit. What comes of it later is dropped. @throws what `error` gives; what it rejects
   * with
   */
  wait<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      let ignore: (() => void) | undefined;
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
      const timer = setTimeout(end, Math.max(1, this.left));
      ignore = this.signal && onAbort(this.signal, end);
      work.then(resolve, reject).finally(leave);
    });
  }

  /** Whether it was the limit that ended a wait, by the error that `wait` gave. */
  ended(error: unknown): boolean {
    return error instanceof Error && this.ends.has(error);
  }

  /** Waits for some ms; the limit may cut it short. */
  pause(ms: number): Promise<void> {
    return pauseFor(Math.max(1, Math.min(ms, this.left)), this.signal);
  }
}
