import type { CallPolicy } from '../cluster/command.js';
import { InvalidArgumentError } from '../cluster/errors.js';
import { checkOption, type ClusterEngineOptions } from '../cluster/options.js';

/** What can be set for single calls; see `ClusterEngineOptions` for each. */
export type CallOptions = Pick<ClusterEngineOptions, 'readFrom' | 'deadlineMs' | 'retry'>;

const NAMES: readonly (keyof CallOptions)[] = ['readFrom', 'deadlineMs', 'retry'];

/**
 * The policy of calls that differ from `base` in these options.
 * @throws InvalidArgumentError for unknown names and impossible values
 */
export function callPolicy(base: CallPolicy, options: CallOptions): CallPolicy {
  for (const [name, value] of Object.entries(options)) {
    if (!NAMES.includes(name as keyof CallOptions)) {
      throw new InvalidArgumentError(name, `Unknown call option ${name}; known are ${NAMES.join(', ')}`);
    }
    if (value !== undefined) checkOption(name as keyof CallOptions, value);
  }
  return {
    readFrom: options.readFrom ?? base.readFrom,
    deadlineMs: options.deadlineMs ?? base.deadlineMs,
    retry: options.retry ?? base.retry,
  };
}
