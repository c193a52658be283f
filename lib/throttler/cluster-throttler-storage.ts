import { randomBytes } from 'node:crypto';
import type { ThrottlerStorage } from '@nestjs/throttler';
import { checkClient } from '../client/check-client.js';
import type { ClusterClient } from '../client/cluster-client.js';
import { resolveStorePrefix } from '../client/store-prefix.js';
import { InvalidArgumentError } from '../cluster/common/errors.js';
import { describeValue } from '../cluster/common/describe-value.js';
import { HIT_SCRIPT } from './hit-script.js';

/** Options of `ClusterThrottlerStorage`. */
export interface ClusterThrottlerStorageOptions {
  /** Put before every key in Redis. Must not contain braces. Default `throttler:`. */
  prefix?: string | undefined;
}

type HitRecord = Awaited<ReturnType<ThrottlerStorage['increment']>>;

/** The numbers of a hit, each with its minimum. */
const MINIMUM = { ttl: 1, limit: 0, blockDuration: 0 } as const;

const seconds = (milliseconds: number): number => Math.ceil(milliseconds / 1000);

/**
 * A storage for `@nestjs/throttler` that keeps its counts in a cluster, so all processes share them. Each hit
 * runs one script on one node; the keys are distributed over all nodes. The storage uses the client you pass
 * and never closes it.
 */
export class ClusterThrottlerStorage implements ThrottlerStorage {
  declare private readonly cluster: ClusterClient;
  private readonly prefix: string;
  private hits = 0;
  /** Distinguishes the hits of this storage from those of other processes. */
  private readonly name = randomBytes(8).toString('hex');

  /** @throws InvalidArgumentError if `cluster` is not a ClusterClient, or the prefix contains braces */
  constructor(cluster: ClusterClient, options: ClusterThrottlerStorageOptions = {}) {
    checkClient(cluster, 'cluster', 'ClusterThrottlerStorage');
    Object.defineProperty(this, 'cluster', { value: cluster.withPlainReplies(), enumerable: false });
    this.prefix = resolveStorePrefix('ClusterThrottlerStorage', options, 'throttler:');
  }

  /**
   * Counts a hit.
   * @param ttl length of the window, in ms
   * @param limit hits allowed within the window
   * @param blockDuration how long to block after the limit is exceeded, in ms
   * @returns the count and the state of the block; times are in whole seconds, rounded up
   * @throws InvalidArgumentError if a number is negative, not finite, or `ttl` is below 1; any error of a
   *   command
   */
  async increment(
    key: string,
    ttl: number,
    limit: number,
    blockDuration: number,
    throttlerName: string,
  ): Promise<HitRecord> {
    for (const [name, value] of Object.entries({ ttl, limit, blockDuration })) {
      if (Number.isFinite(value) && value >= MINIMUM[name as keyof typeof MINIMUM]) continue;
      throw new InvalidArgumentError(
        name,
        `"${name}" of a throttler must be a finite number of at least ${MINIMUM[name as keyof typeof MINIMUM]}, ` +
          `got ${describeValue(value)}`,
      );
    }
    // the braces keep the two keys in one slot; braces of the caller are escaped, as they would change the slot
    const tag = `${this.prefix}{${`${throttlerName}:${key}`.replaceAll(/[{}%]/g, encodeURIComponent)}}`;
    const reply = await this.cluster.runScript(
      HIT_SCRIPT,
      [`${tag}:window`, `${tag}:hits`],
      [Math.ceil(ttl), limit, Math.ceil(blockDuration), `${this.name}:${this.hits++}`],
    );
    const [totalHits, window, blocked, block] = reply as number[];
    return {
      totalHits,
      timeToExpire: seconds(window),
      isBlocked: blocked === 1,
      timeToBlockExpire: seconds(block),
    };
  }
}
