import type { Observable, Subscriber } from 'rxjs';
import { DirectObservable } from './direct-observable.js';

/** Passes items on to all subscribers of an observable. */
export class Broadcast<T> {
  /** Replaced when a subscriber comes or leaves while items are emitted. */
  private subscribers: Subscriber<T>[] = [];
  private emitting = false;
  private stop: (() => void) | undefined = undefined;
  private ended = false;

  /** @param onEnd called once, when there are no subscribers any more */
  constructor(private readonly onEnd: () => void) {}

  /** Starts the source. It may emit, fail or complete at once. */
  start(source: (broadcast: Broadcast<T>) => () => void): void {
    const stop = source(this);
    if (this.ended) stop();
    else this.stop = stop;
  }

  add(subscriber: Subscriber<T>): void {
    this.own().push(subscriber);
  }

  remove(subscriber: Subscriber<T>): void {
    const index = this.subscribers.indexOf(subscriber);
    if (index === -1) return;
    this.own().splice(index, 1);
    if (this.subscribers.length === 0) this.end();
  }

  next(item: T): void {
    const { subscribers } = this;
    const outer = this.emitting;
    this.emitting = true;
    // a subscriber that has left ignores items; errors of subscribers are reported by RxJS
    for (let i = 0; i < subscribers.length; i++) subscribers[i].next(item);
    this.emitting = outer;
  }

  error(error: unknown): void {
    for (const subscriber of this.end()) subscriber.error(error);
  }

  complete(): void {
    for (const subscriber of this.end()) subscriber.complete();
  }

  /** Returns a list that can be changed: not the one that an emission goes through. */
  private own(): Subscriber<T>[] {
    if (this.emitting) this.subscribers = [...this.subscribers];
    return this.subscribers;
  }

  private end(): readonly Subscriber<T>[] {
    const { subscribers } = this;
    this.subscribers = [];
    if (this.ended) return subscribers;
    this.ended = true;
    this.onEnd();
    this.stop?.();
    return subscribers;
  }
}

/**
 * Creates an observable whose subscribers share one source: it starts with the first subscriber and stops with the
 * last. It is `share()` of RxJS with one call per subscriber and item.
 * @param source returns what stops it
 */
export function sharedObservable<T>(source: (broadcast: Broadcast<T>) => () => void): Observable<T> {
  let current: Broadcast<T> | undefined;
  return new DirectObservable<T>((subscriber) => {
    if (current !== undefined) {
      const shared = current;
      shared.add(subscriber);
      return () => shared.remove(subscriber);
    }
    const created = new Broadcast<T>(() => {
      if (current === created) current = undefined;
    });
    current = created;
    created.add(subscriber);
    created.start(source);
    return () => created.remove(subscriber);
  });
}
