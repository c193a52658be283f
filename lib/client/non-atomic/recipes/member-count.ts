import type { Argument } from '../../../cluster/protocol/request-encoder.js';
import { TooManyMembersError } from '../non-atomic-errors.js';
import type { Step, Steps } from '../steps.js';

/** The command that returns the size of a type. Types that are not listed have no members. */
const COUNTS: ReadonlyMap<string, string> = new Map([
  ['list', 'llen'],
  ['set', 'scard'],
  ['zset', 'zcard'],
]);

/**
 * Rejects keys that together have more members than this process may read.
 * @throws TooManyMembersError
 */
export async function refuseTooMany(steps: Steps, command: string, keys: readonly Argument[]): Promise<void> {
  const types = await steps.together<string>(
    keys.map((key): Step => ['type', key]),
    false,
  );
  const counts = keys.flatMap((key, i): Step[] => {
    const count = COUNTS.get(types[i]);
    return count === undefined ? [] : [[count, key]];
  });
  const sizes = await steps.together<number>(counts);
  if (sizes.reduce((sum, size) => sum + size, 0) > steps.maxMembers) {
    throw new TooManyMembersError(command, steps.maxMembers);
  }
}
