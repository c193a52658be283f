/** The clock of a store in memory. Expiries, versions and ids of streams follow it. */
export class MemoryClock {
  private source: () => number;

  /** @param source returns milliseconds since 1970; by default the time of this machine, fake timers included */
  constructor(source: () => number = () => Date.now()) {
    this.source = source;
  }

  /** Returns the time in milliseconds since 1970. */
  now(): number {
    return this.source();
  }

  /** Sets the time, after which it stands still. */
  set(time: number | Date): void {
    const stopped = Number(time);
    this.source = () => stopped;
  }

  /** Moves the time forward. A clock that was running keeps running from there. */
  advance(ms: number): void {
    const before = this.source;
    this.source = () => before() + ms;
  }
}
