import { Observable, of, Subscriber, throwError, type Observer, type Subscription } from 'rxjs';

/** What a subscriber does that has no function for the end. RxJS itself reports an error that nobody handles. */
const UNHANDLED: Observer<unknown> = {
  next: () => {},
  error: (error: unknown) => void throwError(() => error).subscribe(),
  complete: () => {},
};

/** A subscriber that consists of one function. Those of RxJS make four calls per item. */
class FunctionSubscriber<T> extends Subscriber<T> {
  constructor(private readonly onNext: (item: T) => void) {
    super(UNHANDLED);
  }

  override next(item: T): void {
    if (this.closed) return;
    try {
      this.onNext(item);
    } catch (error) {
      // reported by RxJS, so that one subscriber does not affect the others
      of(item).subscribe(() => {
        throw error;
      });
    }
  }
}

/** An observable of RxJS that calls the functions that are subscribed to it directly. */
export class DirectObservable<T> extends Observable<T> {
  override subscribe(observerOrNext?: Partial<Observer<T>> | ((item: T) => void) | null): Subscription;
  override subscribe(
    next?: ((item: T) => void) | null,
    error?: ((error: unknown) => void) | null,
    complete?: (() => void) | null,
  ): Subscription;
  override subscribe(
    observerOrNext?: Partial<Observer<T>> | ((item: T) => void) | null,
    error?: ((error: unknown) => void) | null,
    complete?: (() => void) | null,
  ): Subscription {
    if (typeof observerOrNext === 'function' && !error && !complete)
      return super.subscribe(new FunctionSubscriber(observerOrNext));
    return super.subscribe(observerOrNext as (item: T) => void, error, complete);
  }
}
