import type { Observable } from 'rxjs';
import type { PubSubCounters } from '../../cluster/stats/pubsub-counters.js';

/** The counters of the client whose messages an observable emits. */
const counters = new WeakMap<object, PubSubCounters>();

/** Counts the buffers behind this observable for a client. */
export function countBuffersOf<T>(messages: Observable<T>, own: PubSubCounters): Observable<T> {
  counters.set(messages, own);
  return messages;
}

/** Returns the counters for a buffer behind an observable; undefined if it does not emit messages of one client. */
export function countersBehind(messages: Observable<unknown>): PubSubCounters | undefined {
  // operators of rxjs refer to the observable that they were applied to
  for (let source: Observable<unknown> | undefined = messages; source !== undefined; source = source.source) {
    const own = counters.get(source);
    if (own !== undefined) return own;
  }
  return undefined;
}
