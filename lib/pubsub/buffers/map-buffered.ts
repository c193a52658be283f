import { Observable, Subscription, type OperatorFunction } from 'rxjs';
import { BoundedBuffer, resolveBufferOptions, type BufferOptions } from './bounded-buffer.js';
import { countersBehind } from './message-source.js';
import { checkConcurrency } from '../common/check-concurrency.js';

/** Options of `mapBuffered`. */
export interface MapBufferedOptions extends BufferOptions {
  /**
   * How many values are processed at a time: a positive integer or Infinity. Default 1, which keeps their
   * order.
   */
  concurrency?: number | undefined;
  /** Called when a value is dropped, with the number dropped so far. */
  onDropped?: ((dropped: number) => void) | undefined;
}

/**
 * An operator like rxjs' `mergeMap` with a promise, but with a bounded buffer. Values that arrive while
 * `project` is busy wait in the buffer. If the buffer is full, a value is dropped; with `whenFull: 'error'`,
 * the values in the buffer are still processed and a BufferOverflowError follows.
 * @throws InvalidArgumentError for an invalid option
 */
export function mapBuffered<T, R>(
  project: (value: T) => Promise<R>,
  { concurrency = 1, onDropped, ...bufferOptions }: MapBufferedOptions = {},
): OperatorFunction<T, R> {
  checkConcurrency(concurrency);
  const options = resolveBufferOptions(bufferOptions);
  return (source) =>
    new Observable<R>((subscriber) => {
      const buffer = new BoundedBuffer<T>(options, countersBehind(source));
      buffer.countIn();
      let active = 0;
      let end: (() => void) | undefined;
      const settle = (): void => {
        for (let box; active < concurrency && (box = buffer.shift()) !== undefined;) work(box.value);
        if (active === 0) end?.();
      };
      const work = (value: T): void => {
        active++;
        new Promise<R>((resolve) => resolve(project(value))).then(
          (result) => {
            subscriber.next(result);
            active--;
            settle();
          },
          (error: unknown) => subscriber.error(error),
        );
      };
      /** Accepts no more values, and ends once all accepted ones are processed. */
      const endWith = (ending: () => void): void => {
        subscription.unsubscribe();
        end = ending;
        settle();
      };
      const subscription = new Subscription();
      subscription.add(
        source.subscribe({
          next: (value) => {
            if (end !== undefined) return;
            if (active < concurrency) return work(value);
            try {
              if (!buffer.push(value)) onDropped?.(buffer.dropped);
            } catch (error) {
              endWith(() => subscriber.error(error));
            }
          },
          error: (error: unknown) => subscriber.error(error),
          complete: () => endWith(() => subscriber.complete()),
        }),
      );
      return () => {
        buffer.clear();
        buffer.countOut();
        subscription.unsubscribe();
      };
    });
}
