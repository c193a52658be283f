import type { ClientCache } from './caching/client-cache.js';
import { keyIndexes } from './command-table/command-keys.js';
import type { ResolvedCall } from './command/resolved-call.js';

/** Commands that write every key of a node. */
const FLUSHES: ReadonlySet<string> = new Set(['flushall', 'flushdb']);

/**
 * Drops what calls write from the cache, so that later reads of this client see it. Reads that are under way are not
 * kept. Call it before they are sent, and when their outcome is known: reads on other connections may come in between.
 * @returns whether they write anything
 */
export function dropWritten(cache: ClientCache, calls: readonly ResolvedCall[]): boolean {
  let some = false;
  for (const { row, args } of calls) {
    if (!row.write || row.routingOnly) continue;
    some = true;
    if (row.keyKind === 'first') cache.written(args[row.firstKey]);
    else if (FLUSHES.has(row.name)) cache.clear('write');
    else for (const index of keyIndexes(row, args)) cache.written(args[index]);
  }
  return some;
}
