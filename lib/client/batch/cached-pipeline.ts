import type { CachedCalls } from '../../cluster/cached-calls.js';
import { bytesAsText } from '../../cluster/caching/cache-key.js';
import type { ClusterEngine } from '../../cluster/cluster-engine.js';
import { keyIndexes } from '../../cluster/command-table/command-keys.js';
import { BatchedCommand, type BatchResult } from '../../cluster/command/batch.js';
import type { ResolvedCall } from '../../cluster/command/resolved-call.js';
import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { ClusterPipeline } from './cluster-pipeline.js';

/** Returns the reads through the cache of a client. @throws InvalidArgumentError if it has none */
export function cachedCallsOf({ runner }: ClusterEngine): CachedCalls {
  if (runner.cached !== undefined) return runner.cached;
  throw new InvalidArgumentError(
    'cache',
    'cache needs the option cache of the client, such as { maxBytes: 67108864, maxStaleMs: 1000 }',
  );
}

/**
 * A pipeline whose reads of one key are answered from memory if what is kept holds. A read behind a write of the same
 * key goes to the node, as it must see the write.
 */
export class CachedPipeline extends ClusterPipeline {
  protected override async execute(entries: readonly BatchedCommand[]): Promise<BatchResult[]> {
    const { policy, engine } = this;
    const cached = cachedCallsOf(engine);
    const maxAgeMs = policy.cache?.maxAgeMs ?? Infinity;
    const written = new Set<string>();
    // a script may write keys that it does not name
    let unknown = false;
    const results: BatchResult[] = [];
    const sent: BatchedCommand[] = [];
    const places: number[] = [];
    for (const [place, entry] of entries.entries()) {
      const { call } = entry;
      const keys = keysOf(call);
      const stale = unknown || keys.some((key) => written.has(key));
      const answer = cached.inBatch(entry, policy, maxAgeMs, stale);
      if (call.row.write) {
        for (const key of keys) written.add(key);
        unknown ||= keys.length === 0;
      }
      if (answer instanceof BatchedCommand) {
        sent.push(answer);
        places.push(place);
      } else results[place] = [null, answer.kept];
    }
    const replies = await super.execute(sent);
    for (const [index, place] of places.entries()) results[place] = replies[index];
    return results;
  }
}

const keysOf = ({ row, args }: ResolvedCall): string[] =>
  keyIndexes(row, args).map((index) => bytesAsText(args[index]));
