import { bytesAsText } from './caching/cache-key.js';
import type { ClientCache } from './caching/client-cache.js';
import { keyIndexes } from './command-table/command-keys.js';
import type { ResolvedCall } from './command/resolved-call.js';

/** Commands that write every key of a node. */
const FLUSHES: ReadonlySet<string> = new Set(['flushall', 'flushdb']);

/**
 * Drops what calls write from the cache, so that later reads of this client see it. Reads that are under way are not
 * kept.
 * @returns a function that drops it again, to be called when the outcome is known: reads on other connections may have
 *   come in between. Undefined if the calls write nothing.
 */
export function writing(cache: ClientCache, calls: readonly ResolvedCall[]): (() => void) | undefined {
  const keys: string[] = [];
  let all = false;
  for (const { row, args } of calls) {
    if (!row.write || row.routingOnly) continue;
    if (FLUSHES.has(row.name)) all = true;
    else for (const index of keyIndexes(row, args)) keys.push(bytesAsText(args[index]));
  }
  if (!all && keys.length === 0) return undefined;
  const drop = (): void => {
    if (all) cache.clear('write');
    for (const key of keys) cache.written(key);
  };
  drop();
  return drop;
}
