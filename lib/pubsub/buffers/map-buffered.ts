import { Observable, Subscription, type OperatorFunction } from 'rxjs';
import { BoundedBuffer, resolveBufferOptions, type BufferOptions } from './bounded-buffer.js';
import { checkConcurrency } from '../common/check-concurrency.js';

/** How `mapBuffered` works. */
export interface MapBufferedOptions extends BufferOptions {
  /** Values worked on at a time, a whole number or Infinity. Default 1: in order. */
  concurrency?: number | undefined;
  /** Called when a value is dropped, with how many have been. */
  onDropped?: ((dropped: number) => void) | undefined;
}

/**
 * As rxjs' `mergeMap` with a promise, but with bounds: what comes faster than `project` takes it waits in a buffer, and
 * what finds that full is dropped, or ends it: what waits is still worked on then, and a BufferOverflowError follows.
 * @throws InvalidArgumentError
 */
export function mapBuffered<T, R>(
  project: (value: T) => Promise<R>,
  { concurrency = 1, onDropped, ...bufferOptions }: MapBufferedOptions = {},
): OperatorFunction<T, R> {
  checkConcurrency(concurrency);
  const options = resolveBufferOptions(bufferOptions);
  return (source) =>
    new Observable<R>((subscriber) => {
      const buffer = new BoundedBuffer<T>(options);
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
      /** Takes nothing more, and ends so once all that was taken is done with. */
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
        subscription.unsubscribe();
      };
    });
}
