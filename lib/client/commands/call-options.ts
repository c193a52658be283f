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
  const deadlineOfBatch = options.deadlineMs === undefined ? base.deadlineOfBatch : true;
  return { ...base, ...(Object.fromEntries(given) as CallOptions), deadlineOfBatch };
}

function isCount(value: unknown): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1;
}
