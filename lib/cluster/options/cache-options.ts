import { InvalidArgumentError } from '../common/errors.js';
import { LONGEST_TIMER_MS } from '../common/timers.js';
import { checkOptionNames } from '../common/check-option-names.js';
import { describeKind, describeValue } from '../common/describe-value.js';

/** The cache of a client; see the page on caching. Replies are kept only for views that want it: `with({ cache: true })`. */
export interface ClusterCacheOptions {
  /** The memory that kept replies may take, in bytes, keys and overhead included. */
  maxBytes: number;
  /**
   * How long another client's write may stay unseen, in ms, from 50 on. Nodes are asked four times in this time whether
   * what is kept still holds.
   */
  maxStaleMs: number;
  /** How old a kept reply may become, in ms. Default 60000. */
  maxAgeMs?: number | undefined;
  /**
   * Keeps only replies about keys that begin with one of these, without `keyPrefix`. Servers then report every change of
   * such keys, rather than remember who has read which key. Default: all keys, with servers that remember.
   */
  prefixes?: readonly string[] | undefined;
}

/** The options of the cache with every default filled in. */
export interface ResolvedCacheOptions {
  readonly maxBytes: number;
  readonly maxStaleMs: number;
  readonly maxAgeMs: number;
  /** The bytes of the client's `keyPrefix` as text. */
  readonly keyPrefix: string;
  /** The bytes of the prefixes as text, `keyPrefix` included; empty for all keys. */
  readonly prefixes: readonly string[];
}

const DEFAULT_MAX_AGE_MS = 60_000;
/** Less than this, and a busy event loop alone would end the leases. */
const LEAST_STALE_MS = 50;

const whole = (name: string, value: unknown, least: number, most: number, unit: string): void => {
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return;
  throw new InvalidArgumentError(
    name,
    `Option ${name} must be a whole number of ${unit}, from ${least} to ${most}, got ${describeValue(value)}`,
  );
};

/** Checks the option `cache`. @throws InvalidArgumentError */
export function checkCacheOptions(value: unknown): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new InvalidArgumentError(
      'cache',
      `Option cache must be an object such as { maxBytes: 67108864, maxStaleMs: 1000 }, got ${describeValue(value)}`,
    );
  }
  checkOptionNames('cache', value, ['maxBytes', 'maxStaleMs', 'maxAgeMs', 'prefixes']);
  const { maxBytes, maxStaleMs, maxAgeMs, prefixes } = value as Record<string, unknown>;
  whole('cache.maxBytes', maxBytes, 1, Number.MAX_SAFE_INTEGER, 'bytes');
  whole('cache.maxStaleMs', maxStaleMs, LEAST_STALE_MS, LONGEST_TIMER_MS, 'milliseconds');
  if (maxAgeMs !== undefined) whole('cache.maxAgeMs', maxAgeMs, 1, LONGEST_TIMER_MS, 'milliseconds');
  if (prefixes !== undefined) checkPrefixes(prefixes);
}

function checkPrefixes(prefixes: unknown): void {
  const fits = Array.isArray(prefixes) && prefixes.length > 0;
  if (!fits || prefixes.some((one) => typeof one !== 'string' || one === '')) {
    throw new InvalidArgumentError(
      'cache.prefixes',
      `Option cache.prefixes must be a list of at least one non-empty string, got ${fits ? 'a list with another value' : describeKind(prefixes)}. Leave it out to keep replies about all keys.`,
    );
  }
  const list = prefixes as string[];
  const overlaps = list.some((one, i) => list.some((other, j) => i !== j && one.startsWith(other)));
  if (overlaps) {
    throw new InvalidArgumentError(
      'cache.prefixes',
      'Option cache.prefixes must not contain a prefix that begins with another, which servers reject. Leave out the longer one.',
    );
  }
}

/** What else a client must be like to have a cache. */
interface CachingClient {
  readonly protocol?: 2 | 3 | undefined;
  readonly keyPrefix?: string | undefined;
  readonly cache?: ClusterCacheOptions | undefined;
}

/** Fills in the defaults. @throws InvalidArgumentError if the client is to use RESP2 */
export function resolveCacheOptions({
  cache,
  protocol,
  keyPrefix = '',
}: CachingClient): ResolvedCacheOptions | undefined {
  if (cache === undefined) return undefined;
  if (protocol === 2) {
    throw new InvalidArgumentError(
      'cache',
      'Option cache needs RESP3, by which servers report changes. Leave out protocol: 2; replies keep their form.',
    );
  }
  return {
    maxBytes: cache.maxBytes,
    maxStaleMs: cache.maxStaleMs,
    maxAgeMs: cache.maxAgeMs ?? DEFAULT_MAX_AGE_MS,
    keyPrefix: bytesOf(keyPrefix),
    prefixes: (cache.prefixes ?? []).map((prefix) => bytesOf(keyPrefix + prefix)),
  };
}

const bytesOf = (text: string): string => Buffer.from(text).toString('latin1');
