import type { Observable, Subscription } from 'rxjs';
import { BoundedBuffer, type BufferOptions } from './bounded-buffer.js';

/** A `next()` that waits for a value. */
interface PendingNext<T> {
  resolve(result: IteratorResult<T, undefined>): void;
  reject(error: unknown): void;
}

/**
 * What an observable gives, for a consumer that takes its time: `for await (const message of buffered(messages$))`. So
 * many values wait, and no more, however slow the consumer; others who listen to the same are not held up. It subscribes
 * with the first value asked for, or with `open()`, and unsubscribes when the loop is left.
 */
export class BufferedMessages<T> implements AsyncIterableIterator<T, undefined> {
  private readonly buffer: BoundedBuffer<T>;
  private readonly pendingNexts: PendingNext<T>[] = [];
  private subscription: Subscription | undefined = undefined;
  /** How it ended: the source did, or failed, or the consumer left. */
  private ending: { readonly error?: unknown } | undefined = undefined;

  constructor(
    private readonly source: Observable<T>,
    options: BufferOptions = {},
  ) {
    this.buffer = new BoundedBuffer(options);
  }

  /** Values that wait for the consumer. */
  get waiting(): number {
    return this.buffer.waiting;
  }

  /** Values that the consumer has missed because too many waited. */
  get dropped(): number {
    return this.buffer.dropped;
  }

  /** Subscribes now rather than with the first value asked for. */
  open(): this {
    if (this.subscription !== undefined || this.ending !== undefined) return this;
    this.subscription = this.source.subscribe({
      next: (value) => this.receive(value),
      error: (error: unknown) => this.end({ error }),
      complete: () => this.end({}),
    });
    // a source may end before `subscribe` returns
    if (this.ending !== undefined) this.subscription.unsubscribe();
    return this;
  }

  /** The next value; after the last one that waits, the error the source or the buffer ended with, once. */
  next(): Promise<IteratorResult<T, undefined>> {
    this.open();
    const box = this.buffer.shift();
    if (box !== undefined) return Promise.resolve({ done: false, value: box.value });
    if (this.ending === undefined) {
      return new Promise((resolve, reject) => this.pendingNexts.push({ resolve, reject }));
    }
    const { ending } = this;
    this.ending = {};
    return 'error' in ending
      ? Promise.reject(ending.error as Error)
      : Promise.resolve({ done: true, value: undefined });
  }

  /** Unsubscribes; what waits is gone. */
  return(): Promise<IteratorResult<T, undefined>> {
    this.buffer.clear();
    this.end({});
    return Promise.resolve({ done: true, value: undefined });
  }

  /** For `for await`. */
  [Symbol.asyncIterator](): this {
    return this;
  }

  private receive(value: T): void {
    const pendingNext = this.pendingNexts.shift();
    if (pendingNext !== undefined) return pendingNext.resolve({ done: false, value });
    try {
      this.buffer.push(value);
    } catch (error) {
      this.end({ error });
    }
  }

  private end(ending: { readonly error?: unknown }): void {
    this.ending ??= ending;
    this.subscription?.unsubscribe();
    for (const { resolve, reject } of this.pendingNexts.splice(0)) {
      if ('error' in this.ending) reject(this.ending.error);
      else resolve({ done: true, value: undefined });
      this.ending = {};
    }
  }
}

/**
 * Messages for a loop that takes its time; see `BufferedMessages`.
 * @throws InvalidArgumentError for a size or policy that cannot be
 */
export function buffered<T>(source: Observable<T>, options?: BufferOptions): BufferedMessages<T> {
  return new BufferedMessages(source, options);
}
