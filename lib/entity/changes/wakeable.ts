import { clearTimeout, setTimeout } from '../../cluster/common/timers.js';
/** A wait that another caller can end. A `wake()` before the wait ends it at once. */
export class Wakeable {
  private isAwake = false;
  private end: (() => void) | undefined;

  /** Ends the current wait, or else the next one. */
  readonly wake = (): void => {
    this.isAwake = true;
    this.end?.();
  };

  /** Discards an earlier `wake()`. */
  reset(): void {
    this.isAwake = false;
  }

  /** Waits for `wake()`, but no longer than `ms` milliseconds. */
  wait(ms: number): Promise<void> {
    if (this.isAwake) return Promise.resolve();
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        this.end = undefined;
        resolve();
      };
      const timer = setTimeout(end, ms);
      this.end = end;
    });
  }
}
