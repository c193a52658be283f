/** Counts what concerns the cache of a client. The cache adds to it. */
export class CacheCounters {
  hits = 0;
  misses = 0;
  joined = 0;
  invalidations = 0;
  evictions = 0;
  staleRefusals = 0;
}
