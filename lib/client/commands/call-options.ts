import type { CallPolicy, Durability, ArgsOnResend } from '../../cluster/command/call-policy.js';
import { checkSignal } from '../../cluster/command/abort-signal.js';
import { checkOptionNames } from '../../cluster/common/check-option-names.js';
import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { describeKind, describeOther, describeValue } from '../../cluster/common/describe-value.js';
import type { IntegerType } from './big-integers.js';
import type { ReplyTypes } from './reply-types.js';
import { type ClusterEngineOptions } from '../../cluster/options/options.js';
import { checkOption } from '../../cluster/options/option-checks.js';

/** How a view runs its calls, and in which types it returns replies. */
export interface ViewPolicy extends CallPolicy {
  readonly integers?: IntegerType | undefined;
  /** How old kept replies may be, if the view reads through the cache. */
  readonly cache?: { readonly maxAgeMs: number } | undefined;
  /** Undefined for the types of RESP2. */
  readonly replyTypes?: ReplyTypes | undefined;
}

/** Options of single calls, for `with()`. */
export interface CallOptions extends Pick<ClusterEngineOptions, 'readFrom' | 'deadlineMs' | 'retry'> {
  /**
   * Ends the calls early: with CommandAbortedError, or with OutcomeUnknownError for a write that was already
   * sent.
   */
  signal?: AbortSignal | undefined;
  /**
   * Resolves a write when this many replicas have it (WAIT). Rejects with DurabilityError after `timeoutMs`.
   */
  durability?: Durability | undefined;
  /** @internal The arguments with which a script is resent, so that it can tell. */
  argsOnResend?: ArgsOnResend | undefined;
  /**
   * With `bigint`, every integer in a reply is a bigint, whatever its type in ioredis. Otherwise integers are
   * numbers, and bigints only if a number cannot hold them exactly.
   */
  integers?: IntegerType | undefined;
  /**
   * Reads through the cache of the client, which needs its option `cache`: `true`, or how old a kept reply may be. Misses
   * are read from primaries. `false` ends it. Default: not through the cache.
   */
  cache?: boolean | { maxAgeMs: number } | undefined;
}

const CHECKS: Readonly<Record<keyof CallOptions, (value: unknown) => void>> = {
  readFrom: (value) => checkOption('readFrom', value),
  deadlineMs: (value) => checkOption('deadlineMs', value),
  retry: (value) => checkOption('retry', value),
  signal: checkSignal,
  argsOnResend: (value) => {
    if (typeof value !== 'function')
      throw new InvalidArgumentError(
        'argsOnResend',
        `argsOnResend must be a function, got ${describeKind(value)}`,
      );
  },
  integers: (value) => {
    if (value !== 'number' && value !== 'bigint')
      throw new InvalidArgumentError(
        'integers',
        `integers must be 'number' or 'bigint', got ${describeOther(value)}`,
      );
  },
  cache: checkCacheUse,
  durability: (value) => {
    const { replicas, timeoutMs } = (value ?? {}) as Partial<Durability>;
    if (!isCount(replicas) || !isCount(timeoutMs)) {
      throw new InvalidArgumentError(
        'durability',
        `durability must be { replicas, timeoutMs }, both whole numbers of at least 1, got ${
          typeof value === 'object' && value !== null
            ? `replicas: ${describeValue(replicas)}, timeoutMs: ${describeValue(timeoutMs)}`
            : describeKind(value)
        }`,
      );
    }
    checkOptionNames('durability', value, ['replicas', 'timeoutMs']);
  },
};

/**
 * Returns the policy `base` with these options changed.
 * @throws InvalidArgumentError for an unknown option or an invalid value
 */
export function callPolicy(base: ViewPolicy, options: CallOptions): ViewPolicy {
  checkOptionNames('a call', options, Object.keys(CHECKS));
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  for (const [name, value] of given) CHECKS[name as keyof CallOptions](value);
  if (options.integers === 'bigint' && base.replyTypes?.native === true) {
    throw new InvalidArgumentError(
      'integers',
      "integers: 'bigint' excludes the option replyMapping: 'resp3', whose scores are numbers as well",
    );
  }
  const { cache = base.cache } = options;
  if (cache && (options.readFrom ?? 'primary') !== 'primary') {
    throw new InvalidArgumentError(
      'readFrom',
      "readFrom must be 'primary' beside cache, as only what primaries reply is kept",
    );
  }
  const deadlineOfBatch = options.deadlineMs === undefined ? base.deadlineOfBatch : true;
  const { cache: _cache, ...changes } = Object.fromEntries(given) as CallOptions;
  const policy: ViewPolicy = { ...base, ...changes, deadlineOfBatch };
  return options.cache === undefined ? policy : { ...policy, ...cacheUse(options.cache) };
}

function checkCacheUse(value: unknown): void {
  if (typeof value === 'boolean') return;
  const { maxAgeMs } = (value ?? {}) as { maxAgeMs?: unknown };
  if (!isCount(maxAgeMs)) {
    throw new InvalidArgumentError(
      'cache',
      `cache must be true, false or { maxAgeMs }, a whole number of milliseconds of at least 1, got ${
        typeof value === 'object' && value !== null
          ? `maxAgeMs: ${describeValue(maxAgeMs)}`
          : describeOther(value)
      }`,
    );
  }
  checkOptionNames('cache', value, ['maxAgeMs']);
}

/** What changes in a policy whose calls read through the cache, or do no longer. */
function cacheUse(cache: boolean | { readonly maxAgeMs: number }): Partial<ViewPolicy> {
  if (cache === false) return { cache: undefined };
  return { readFrom: 'primary', cache: { maxAgeMs: cache === true ? Infinity : cache.maxAgeMs } };
}

function isCount(value: unknown): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1;
}
