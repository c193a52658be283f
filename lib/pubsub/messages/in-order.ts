/** Emits values, and the results of promises of values, in the order they were pushed. */
export class InOrder<T> {
  /** Settles once every pushed value has been emitted; undefined if all have. */
  private tail: Promise<void> | undefined = undefined;

  /** @param emit must not throw; the promises must not reject */
  constructor(private readonly emit: (value: T) => void) {}

  push(value: T | Promise<T>): void {
    if (this.tail === undefined && !(value instanceof Promise)) return this.emit(value);
    const before = this.tail;
    const done: Promise<void> = Promise.all([value, before]).then(([settled]) => {
      this.emit(settled);
      if (this.tail === done) this.tail = undefined;
    });
    this.tail = done;
  }
}
