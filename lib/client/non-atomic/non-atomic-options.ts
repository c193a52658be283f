import { InvalidArgumentError } from '../../cluster/common/errors.js';

/** What operations over several slots may be told. */
export interface NonAtomicOptions {
  /** How many members of sets, sorted sets and lists one operation may bring into this process. Default 100000. */
  maxMembers?: number | undefined;
}

const DEFAULTS: Required<NonAtomicOptions> = { maxMembers: 100_000 };

/**
 * Fills options in from others, or from the defaults.
 * @throws InvalidArgumentError for an unknown name or an impossible value
 */
export function nonAtomicOptions(
  options: NonAtomicOptions,
  base: Required<NonAtomicOptions> = DEFAULTS,
): Required<NonAtomicOptions> {
  for (const name of Object.keys(options)) {
    if (!Object.hasOwn(DEFAULTS, name)) {
      throw new InvalidArgumentError(
        name,
        `Unknown option ${name}; known are ${Object.keys(DEFAULTS).join(', ')}`,
      );
    }
  }
  const { maxMembers = base.maxMembers } = options;
  if (!Number.isInteger(maxMembers) || maxMembers < 1) {
    throw new InvalidArgumentError('maxMembers', 'maxMembers must be a whole number of at least 1');
  }
  return { maxMembers };
}
