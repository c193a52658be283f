import { checkOptionNames } from '../../cluster/common/check-option-names.js';
import { describeValue } from '../../cluster/common/describe-value.js';
import { InvalidArgumentError } from '../../cluster/common/errors.js';

/** Options of operations over several slots. */
export interface NonAtomicOptions {
  /** How many members of sets, sorted sets and lists one operation may read into this process. Default 100000. */
  maxMembers?: number | undefined;
}

const DEFAULTS: Required<NonAtomicOptions> = { maxMembers: 100_000 };

/**
 * Fills in options from others, or from the defaults.
 * @throws InvalidArgumentError for an unknown name or an invalid value
 */
export function nonAtomicOptions(
  options: NonAtomicOptions,
  base: Required<NonAtomicOptions> = DEFAULTS,
): Required<NonAtomicOptions> {
  checkOptionNames('nonAtomic', options, Object.keys(DEFAULTS));
  const { maxMembers = base.maxMembers } = options;
  if (!Number.isInteger(maxMembers) || maxMembers < 1) {
    throw new InvalidArgumentError(
      'maxMembers',
      `maxMembers must be a whole number of at least 1, got ${describeValue(maxMembers)}`,
    );
  }
  return { maxMembers };
}
