import type { Observable, Subscription } from 'rxjs';
import { BoundedBuffer, type BufferOptions } from './bounded-buffer.js';
import { countersBehind } from './message-source.js';

/** A `next()` that waits for a value. */
interface PendingNext<T> {
  resolve(result: IteratorResult<T, undefined>): void;
  reject(error: unknown): void;
}

/**
 * Buffers the values of an observable for a slow consumer: `for await (const message of
 * buffered(messages$))`. The buffer is bounded, and other subscribers of the observable are not held up. It
 * subscribes with the first `next()` or with `open()`, and unsubscribes when the loop ends.
 */
export class BufferedMessages<T> implements AsyncIterableIterator<T, undefined> {
  private readonly buffer: BoundedBuffer<T>;
  private readonly pendingNexts: PendingNext<T>[] = [];
  private subscription: Subscription | undefined = undefined;
  /** Set once the source has completed or failed, or the consumer has left. */
  private ending: { readonly error?: unknown } | undefined = undefined;

  constructor(
    private readonly source: Observable<T>,
    options: BufferOptions = {},
  ) {
    this.buffer = new BoundedBuffer(options, countersBehind(source));
  }

  /** The number of values in the buffer. */
  get waiting(): number {
    return this.buffer.waiting;
  }

  /** The number of values dropped because the buffer was full. */
  get dropped(): number {
    return this.buffer.dropped;
  }

  /** Subscribes now rather than with the first `next()`. */
  open(): this {
    if (this.subscription !== undefined || this.ending !== undefined) return this;
    this.buffer.countIn();
    this.subscription = this.source.subscribe({
      next: (value) => this.receive(value),
      error: (error: unknown) => this.end({ error }),
      complete: () => this.end({}),
    });
    // the source may end before `subscribe` returns
    if (this.ending !== undefined) this.subscription.unsubscribe();
    return this;
  }

  /**
   * Returns the next value. After the last value in the buffer it rejects once with the error that ended the
   * source, or with BufferOverflowError.
   */
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

  /** Unsubscribes and drops the values in the buffer. */
  return(): Promise<IteratorResult<T, undefined>> {
    this.buffer.clear();
    this.end({});
    return Promise.resolve({ done: true, value: undefined });
  }

  /** Returns itself, for `for await`. */
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
    this.buffer.countOut();
    this.subscription?.unsubscribe();
    for (const { resolve, reject } of this.pendingNexts.splice(0)) {
      if ('error' in this.ending) reject(this.ending.error);
      else resolve({ done: true, value: undefined });
      this.ending = {};
    }
  }
}

/**
 * Buffers the values of an observable for a `for await` loop; see `BufferedMessages`.
 * @throws InvalidArgumentError for an invalid size or policy
 */
export function buffered<T>(source: Observable<T>, options?: BufferOptions): BufferedMessages<T> {
  return new BufferedMessages(source, options);
}
