/** A wait that somebody else can end. A call before the wait counts, too. */
export class Wakeable {
  private isAwake = false;
  private end: (() => void) | undefined;

  /** Ends the wait, or the next one. */
  readonly wake = (): void => {
    this.isAwake = true;
    this.end?.();
  };

  /** Forgets that it was woken. */
  reset(): void {
    this.isAwake = false;
  }

  /** Waits to be woken, for so many milliseconds at most. */
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
