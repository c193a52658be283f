import { types } from 'node:util';

/** Passes on values, and what promises of them come to, in the order they are given. Nothing is promised for long. */
export class InOrder<T> {
  /** Settles once all that was given has been passed on; undefined where it has. */
  private tail: Promise<void> | undefined = undefined;

  /** @param emit must not throw; the promises must not reject */
  constructor(private readonly emit: (value: T) => void) {}

  push(value: T | Promise<T>): void {
    if (this.tail === undefined && !types.isPromise(value)) return this.emit(value);
    const before = this.tail;
    const done: Promise<void> = Promise.all([value, before]).then(([settled]) => {
      this.emit(settled);
      if (this.tail === done) this.tail = undefined;
    });
    this.tail = done;
  }
}
