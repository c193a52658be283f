/** What a cache has counted since the client was created or restarted, and what it holds now. */
export interface ClusterCacheStats {
  /** Reads that were answered from memory. */
  readonly hits: number;
  /** Reads that went to a node. Those that waited for the same read of another caller are among them. */
  readonly misses: number;
  /** Misses that joined a read of the same key that was under way, and sent nothing. */
  readonly joined: number;
  /** Keys that were dropped because a server reported a change. */
  readonly invalidations: number;
  /** Keys that were dropped to make room. */
  readonly evictions: number;
  /** Misses for which there was a reply that nothing had vouched for during the last `maxStaleMs`. */
  readonly staleRefusals: number;
  /** Replies that are kept. */
  readonly entries: number;
  /** The memory that they take, about, in bytes. */
  readonly bytes: number;
}

/** Something was dropped from the cache. */
export interface CacheInvalidation {
  /** The key, with the key prefix of the client; undefined if everything was dropped, or everything of one node. */
  readonly key: string | undefined;
  /** The node that the replies came from, or that reported the change; undefined if it was not one node. */
  readonly node: string | undefined;
  /**
   * - `change`: the server reported that the key has changed
   * - `write`: this client writes the key
   * - `flush`: the connection ended, the server was flushed, or a right was lost
   * - `clear`: `clear()` was called
   */
  readonly cause: 'change' | 'write' | 'flush' | 'clear';
}
