import { Observable, ReplaySubject, share } from 'rxjs';
import type { ClusterEngine } from '../cluster/cluster-engine.js';
import { clearInterval, setInterval } from '../cluster/common/timers.js';
import type { ClusterStats } from '../cluster/stats/cluster-stats.js';
import { cachedCallsOf } from './batch/cached-pipeline.js';
import { ClusterCache } from './cluster-cache.js';
import type { ViewPolicy } from './commands/call-options.js';
import { ClusterView } from './cluster-view.js';

/** What a client has counted. */
export class ClientStatistics extends ClusterView {
  /**
   * Emits `stats()` when you subscribe, then every `statsIntervalMs` (an option of the client, by default 1 s).
   * Subscribers share the snapshots; a late one first receives the latest. Without subscribers there is no timer.
   * Completes when the client closes.
   */
  declare readonly stats$: Observable<ClusterStats>;

  constructor(engine: ClusterEngine, policy: ViewPolicy) {
    super(engine, policy);
    // not enumerable, so that printing the client does not show it
    Object.defineProperty(this, 'stats$', { value: this.observeStats() });
  }

  /**
   * Returns what the client has counted since it was created, for each node and in total: commands, bytes, round trips,
   * redirects, retries, errors, connections, subscriptions, and more. It sends nothing and costs little, so you can call
   * it every second. It also answers before the client connects and after it was closed.
   */
  stats(): ClusterStats {
    return this.engine.stats();
  }

  /** The cache of the client. @throws InvalidArgumentError if the client does not have the option `cache` */
  get cache(): ClusterCache {
    cachedCallsOf(this.engine);
    return new ClusterCache(() => this.engine);
  }

  private observeStats(): Observable<ClusterStats> {
    return new Observable<ClusterStats>((subscriber) => {
      const emit = (): void => subscriber.next(this.stats());
      emit();
      const timer = setInterval(emit, this.engine.options.statsIntervalMs).unref();
      const ending = this.engine.topology$.subscribe({ complete: () => subscriber.complete() });
      return () => {
        clearInterval(timer);
        ending.unsubscribe();
      };
    }).pipe(share({ connector: () => new ReplaySubject(1) }));
  }
}
