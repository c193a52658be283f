import { randomBytes } from 'node:crypto';
import type { ThrottlerStorage } from '@nestjs/throttler';
import { ClusterClient } from '../client/cluster-client.js';
import { InvalidArgumentError } from '../cluster/common/errors.js';
import { notOurs } from '../cluster/common/package-copies.js';
import { HIT_SCRIPT } from './hit-script.js';

/** How a storage writes its keys. */
export interface ClusterThrottlerStorageOptions {
  /** Begins every key at the servers. No braces. Default `throttler:`. */
  prefix?: string | undefined;
}

type HitRecord = Awaited<ReturnType<ThrottlerStorage['increment']>>;

/** What a hit is counted by, each with the least it can be. */
const LEAST = { ttl: 1, limit: 0, blockDuration: 0 } as const;

const seconds = (milliseconds: number): number => Math.ceil(milliseconds / 1000);

/**
 * Storage of `@nestjs/throttler` in a cluster: what one process counts, all do. A hit is one script at one node; keys
 * spread over the nodes. It uses the client it is given, and never closes it.
 */
export class ClusterThrottlerStorage implements ThrottlerStorage {
  declare private readonly cluster: ClusterClient;
  private readonly prefix: string;
  private hits = 0;
  /** Tells the hits of this storage from those of others. */
  private readonly name = randomBytes(8).toString('hex');

  /** @throws InvalidArgumentError for what is no client, or a prefix with braces */
  constructor(cluster: ClusterClient, options: ClusterThrottlerStorageOptions = {}) {
    if (!(cluster instanceof ClusterClient))
      throw new InvalidArgumentError('cluster', notOurs(cluster, 'The storage needs a ClusterClient'));
    Object.defineProperty(this, 'cluster', { value: cluster.withPlainReplies(), enumerable: false });
    this.prefix = checkOptions(options).prefix ?? 'throttler:';
  }

  /**
   * Counts a hit. Times are in ms as they are given, and in whole seconds, rounded up, as they come back.
   * @throws InvalidArgumentError for a number that cannot be; what any command throws
   */
  async increment(
    key: string,
    ttl: number,
    limit: number,
    blockDuration: number,
    throttlerName: string,
  ): Promise<HitRecord> {
    for (const [name, value] of Object.entries({ ttl, limit, blockDuration })) {
      if (Number.isFinite(value) && value >= LEAST[name as keyof typeof LEAST]) continue;
      throw new InvalidArgumentError(name, `The ${name} of a throttler must be a number, and not negative`);
    }
    // the braces keep the two keys in one slot; those of the caller are taken out, for they would move it
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

function checkOptions(options: ClusterThrottlerStorageOptions): ClusterThrottlerStorageOptions {
  if (typeof options !== 'object' || options === null)
    throw new InvalidArgumentError('options', 'The options of the storage are an object, such as { prefix }');
  const unknown = Object.keys(options).find((name) => name !== 'prefix');
  if (unknown !== undefined)
    throw new InvalidArgumentError(unknown, `Unknown option ${unknown}; known is prefix`);
  const { prefix } = options;
  if (prefix !== undefined && (typeof prefix !== 'string' || /[{}]/.test(prefix)))
    throw new InvalidArgumentError('prefix', 'Option prefix must be a string without braces');
  return options;
}
