import type { Observable } from 'rxjs';
import type { ClusterEngine } from '../cluster/cluster-engine.js';
import type { CacheInvalidation } from '../cluster/caching/cache-invalidation.js';
import type { ClusterCacheStats } from '../cluster/stats/cluster-stats.js';
import { cachedCallsOf } from './batch/cached-pipeline.js';

/** The cache of a client: what it holds and has counted. Read through it with `cluster.with({ cache: true })`. */
export class ClusterCache {
  /** @internal */
  constructor(private readonly engine: () => ClusterEngine) {}

  /** Emits what is dropped: changed keys, keys that this client writes, and flushes. Completes when the client closes. */
  get invalidated$(): Observable<CacheInvalidation> {
    return this.cache.invalidated$.asObservable();
  }

  /** Returns what the cache has counted, and what it holds. It sends nothing. */
  stats(): ClusterCacheStats {
    return this.cache.stats();
  }

  /** Drops every kept reply. Reads that are under way are not kept either. */
  clear(): void {
    this.cache.clear('clear');
  }

  private get cache() {
    return cachedCallsOf(this.engine()).cache;
  }
}
