import { clearTimeout, setImmediate, setTimeout } from './timers.js';

/** The number of steps in which the time is counted. */
const STEPS = 8;

/**
 * A time limit for a peer that counts only the time in which the event loop runs. While the application blocks
 * the loop, or the machine is suspended, replies of the peer wait unread: the peer is not to blame for that
 * time.
 */
export class LoopTimer {
  private timer: NodeJS.Timeout | undefined;
  private stepsLeft = STEPS;

  /** @param ms how long the loop may run before `onTimeout` is called */
  constructor(
    private readonly ms: number,
    private readonly onTimeout: () => void,
  ) {
    this.timer = this.step();
  }

  /** Cancels it: `onTimeout` is no longer called. */
  cancel(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private step(): NodeJS.Timeout {
    return setTimeout(() => {
      this.stepsLeft--;
      if (this.stepsLeft > 0) this.timer = this.step();
      // sockets are read before immediates run
      else setImmediate(() => this.end());
    }, this.ms / STEPS);
  }

  private end(): void {
    if (this.timer === undefined) return;
    this.timer = undefined;
    this.onTimeout();
  }
}
