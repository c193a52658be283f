import type { CachedCalls } from '../../cluster/cached-calls.js';
import { ownReply } from '../../cluster/caching/cache-entries.js';
import { bytesAsText } from '../../cluster/caching/cache-key.js';
import type { ClusterEngine } from '../../cluster/cluster-engine.js';
import { keyIndexes } from '../../cluster/command-table/command-keys.js';
import { asResult, type BatchResult } from '../../cluster/batch/batch-result.js';
import type { BatchEntry } from '../../cluster/batch/sent-batch.js';
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
  protected override execute(entries: readonly BatchEntry[]): Promise<BatchResult[]> {
    return this.executeRest(
      entries,
      (reply) => asResult(reply, null),
      (rest) => super.execute(rest),
    );
  }

  protected override executeReplies(entries: readonly BatchEntry[]): Promise<unknown[]> {
    return this.executeRest(
      entries,
      (reply) => reply,
      (rest) => super.executeReplies(rest),
    );
  }

  /** @param result makes a result of a kept reply @param execute runs the commands whose replies are not kept */
  private async executeRest<T>(
    entries: readonly BatchEntry[],
    result: (reply: unknown) => T,
    execute: (rest: readonly BatchEntry[]) => Promise<T[]>,
  ): Promise<T[]> {
    const { policy, engine } = this;
    const cached = cachedCallsOf(engine);
    const maxAgeMs = policy.cache?.maxAgeMs ?? Infinity;
    const written = new WrittenKeys();
    const results: T[] = [];
    const rest: BatchEntry[] = [];
    const places: number[] = [];
    for (let place = 0; place < entries.length; place++) {
      const entry = entries[place];
      const kept = written.concerns(entry.call) ? undefined : cached.keptFor(entry, maxAgeMs);
      results.push(kept === undefined ? (undefined as T) : result(ownReply(kept)));
      if (kept !== undefined) continue;
      rest.push(cached.keeping(entry, policy, maxAgeMs));
      places.push(place);
      written.add(entry.call);
    }
    if (rest.length === 0) return results;
    const found = await execute(rest);
    for (let i = 0; i < places.length; i++) results[places[i]] = found[i];
    return results;
  }
}

/** The keys that the commands of a pipeline write. */
class WrittenKeys {
  private keys: Set<string> | undefined = undefined;
  /** A script may write keys that it does not name. */
  private others = false;

  add(call: ResolvedCall): void {
    if (!call.row.write) return;
    this.keys ??= new Set();
    const keys = keysOf(call);
    for (const key of keys) this.keys.add(key);
    this.others ||= keys.length === 0;
  }

  /** Whether one of the commands may have written what a call reads. */
  concerns(call: ResolvedCall): boolean {
    const { keys } = this;
    return keys !== undefined && (this.others || keysOf(call).some((key) => keys.has(key)));
  }
}

const keysOf = ({ row, args }: ResolvedCall): string[] =>
  keyIndexes(row, args).map((index) => bytesAsText(args[index]));
