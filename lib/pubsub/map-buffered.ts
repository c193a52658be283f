import { Observable, type OperatorFunction } from 'rxjs';
import { InvalidArgumentError } from '../cluster/errors.js';
import { BoundedBuffer, resolveBufferOptions, type BufferOptions } from './bounded-buffer.js';

/** How `mapBuffered` works. */
export interface MapBufferedOptions extends BufferOptions {
  /** Values worked on at a time. Default 1: in order. */
  concurrency?: number | undefined;
  /** Called when a value is dropped, with how many have been. */
  onDropped?: ((dropped: number) => void) | undefined;
}

/**
 * As rxjs' `mergeMap` with a promise, but with bounds: what comes faster than `project` takes it waits in a buffer, and
 * what finds that full is dropped, or an error.
 * @throws InvalidArgumentError
 */
export function mapBuffered<T, R>(
  project: (value: T) => Promise<R>,
  { concurrency = 1, onDropped, ...bufferOptions }: MapBufferedOptions = {},
): OperatorFunction<T, R> {
  if (!(concurrency >= 1)) throw new InvalidArgumentError('concurrency', 'concurrency must be at least 1');
  const options = resolveBufferOptions(bufferOptions);
  return (source) =>
    new Observable<R>((subscriber) => {
      const buffer = new BoundedBuffer<T>(options);
      let active = 0;
      let ended = false;
      const settle = (): void => {
        active--;
        for (let box; active < concurrency && (box = buffer.shift()) !== undefined;) work(box.value);
        if (ended && active === 0) subscriber.complete();
      };
      const work = (value: T): void => {
        active++;
        new Promise<R>((resolve) => resolve(project(value))).then(
          (result) => {
            subscriber.next(result);
            settle();
          },
          (error: unknown) => subscriber.error(error),
        );
      };
      const subscription = source.subscribe({
        next: (value) => {
          if (active < concurrency) return work(value);
          try {
            if (!buffer.push(value)) onDropped?.(buffer.dropped);
          } catch (error) {
            subscriber.error(error);
          }
        },
        error: (error: unknown) => subscriber.error(error),
        complete: () => {
          ended = true;
          if (active === 0) subscriber.complete();
        },
      });
      return () => {
        buffer.clear();
        subscription.unsubscribe();
      };
    });
}
