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
