import { config, take, type Observable } from 'rxjs';
import { eventually } from '../cluster-fixture.js';
import { sharedObservable, type Broadcast } from '../../lib/pubsub/messages/shared-observable.js';

/** A shared observable, its source, and how often that was started and stopped. */
function shared(begin: (broadcast: Broadcast<number>) => void = () => {}) {
  const source = { started: 0, stopped: 0, broadcast: undefined as unknown as Broadcast<number> };
  const observable: Observable<number> = sharedObservable<number>((broadcast) => {
    source.started++;
    source.broadcast = broadcast;
    begin(broadcast);
    return () => void source.stopped++;
  });
  return { source, observable };
}

describe('a shared observable', () => {
  it('starts its source with the first subscriber, stops it with the last, and starts it again', () => {
    const { source, observable } = shared();
    const seen: number[][] = [[], []];
    const subscriptions = seen.map((values) => observable.subscribe((value) => values.push(value)));
    source.broadcast.next(1);
    subscriptions[0].unsubscribe();
    source.broadcast.next(2);
    expect([source.started, source.stopped]).toEqual([1, 0]);
    subscriptions[1].unsubscribe();
    expect([source.started, source.stopped]).toEqual([1, 1]);
    observable.subscribe((value) => seen[0].push(value));
    source.broadcast.next(3);
    expect([source.started, source.stopped]).toEqual([2, 1]);
    expect(seen).toEqual([
      [1, 3],
      [1, 2],
    ]);
  });

  it('passes an item on to those that were there when it came, but for those that left', () => {
    const { source, observable } = shared();
    const seen: string[] = [];
    observable.subscribe((value) => {
      seen.push(`a${value}`);
      if (value > 1) return;
      second.unsubscribe();
      observable.subscribe((later) => seen.push(`c${later}`));
    });
    const second = observable.subscribe((value) => seen.push(`b${value}`));
    source.broadcast.next(1);
    source.broadcast.next(2);
    expect(seen).toEqual(['a1', 'a2', 'c2']);
  });

  it('passes on items that come while one is passed on', () => {
    const { source, observable } = shared();
    const seen: string[] = [];
    observable.subscribe((value) => {
      seen.push(`a${value}`);
      if (value === 1) source.broadcast.next(2);
    });
    observable.subscribe((value) => seen.push(`b${value}`));
    source.broadcast.next(1);
    expect(seen).toEqual(['a1', 'a2', 'b2', 'b1']);
  });

  it('reports what a function throws, and an error that nobody handles, as RxJS does', async () => {
    const { source, observable } = shared();
    const reported: unknown[] = [];
    config.onUnhandledError = (error: unknown) => void reported.push(error);
    try {
      const seen: number[] = [];
      const refused = new Error('refused');
      const failing = observable.subscribe(() => {
        throw refused;
      });
      observable.subscribe((value) => seen.push(value));
      source.broadcast.next(1);
      expect([seen, failing.closed]).toEqual([[1], false]);
      failing.unsubscribe();
      const lost = new Error('lost');
      source.broadcast.error(lost);
      await eventually(() => expect(reported).toEqual([refused, lost]));
    } finally {
      config.onUnhandledError = null;
    }
  });

  it.each(['error', 'complete'] as const)(
    'ends with %s, stops its source, and serves those who come later',
    (end) => {
      const { source, observable } = shared();
      const ended: string[] = [];
      const observer = {
        error: (error: Error) => ended.push(error.message),
        complete: () => ended.push('done'),
      };
      observable.subscribe(observer);
      observable.subscribe(observer);
      source.broadcast[end](new Error('lost'));
      expect(ended).toEqual(end === 'error' ? ['lost', 'lost'] : ['done', 'done']);
      expect(source.stopped).toBe(1);
      const later: number[] = [];
      observable.subscribe((value) => later.push(value));
      source.broadcast.next(4);
      expect([source.started, later]).toEqual([2, [4]]);
    },
  );

  it('stops a source that fails, or loses its subscriber, as it starts', () => {
    const failing = shared((broadcast) => broadcast.error(new Error('refused')));
    let message = '';
    failing.observable.subscribe({ error: (error: Error) => (message = error.message) });
    expect([message, failing.source.stopped]).toEqual(['refused', 1]);

    const emitting = shared((broadcast) => broadcast.next(1));
    emitting.observable.pipe(take(1)).subscribe();
    expect([emitting.source.started, emitting.source.stopped]).toEqual([1, 1]);
  });
});
