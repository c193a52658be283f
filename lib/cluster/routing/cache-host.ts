import type { CacheUnavailableError } from '../caching/cache-unavailable-error.js';
import type { CacheSession } from '../caching/cache-session.js';
import type { CacheHost } from '../caching/client-cache.js';
import type { ChannelPool } from './channel-pool.js';

/** What a cache reports to the engine. */
export interface CacheListener {
  /** The topology no longer fits what was seen. */
  onStale(reason: string): void;
  /** A node does not let the client keep replies. */
  onUnavailable(error: CacheUnavailableError, node: string): void;
}

/** Returns what a cache needs of the channels: the present connections to the owners of slots. */
export function cacheHost(pool: ChannelPool, listener: CacheListener): CacheHost {
  return {
    sessionOf: (slot) => {
      const session = pool.primaries[pool.topology.shardIndexOfSlot(slot)]?.session;
      return session?.ended ? undefined : session;
    },
    *sessions(): Iterable<CacheSession> {
      for (const { session } of pool.primaries) if (session !== undefined && !session.ended) yield session;
    },
    onStale: (reason) => listener.onStale(reason),
    onUnavailable: (error, node) => listener.onUnavailable(error, node),
  };
}
