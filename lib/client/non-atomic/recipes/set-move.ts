import { TransactionConflictError } from '../../../cluster/common/errors.js';
import type { Argument } from '../../../cluster/protocol/request-encoder.js';
import { Script } from '../../../cluster/scripts/script.js';
import { MOVE_ATTEMPTS, MoveClaim, pauseAfter, withdrawClaims } from './move-claim.js';
import type { Recipe } from '../recipe.js';
import type { Steps } from '../steps.js';

/**
 * Removes a member under a claim. Returns 1, or 0 if another client has taken it, or -1 if the claim was
 * withdrawn.
 */
const TAKE_MEMBER = new Script(`
if redis.call('SISMEMBER', KEYS[1], ARGV[1]) == 0 then return 0 end
if redis.call('GET', KEYS[2]) ~= ARGV[2] then return -1 end
local taken = redis.call('SREM', KEYS[1], ARGV[1])
redis.call('UNLINK', KEYS[2])
return taken`);

/** Claims a member. Returns false if the set does not have it. */
async function claimMember(
  steps: Steps,
  source: Argument,
  member: Argument,
  claim: MoveClaim,
): Promise<boolean> {
  const [, seen] = await steps.settled([claim.step, ['sismember', source, member]]);
  if (seen[1] !== 1) await claim.release();
  if (seen[0] !== null) throw seen[0];
  return seen[1] === 1;
}

/**
 * Adds the member to the destination, then removes it from the source. If it was put there again meanwhile,
 * starts over.
 */
export const smove: Recipe = async (steps, [source, destination, member]) => {
  const claim = new MoveClaim(steps, source, member);
  const keys = [source, claim.key];
  for (let attempt = 1; attempt <= MOVE_ATTEMPTS; attempt++) {
    if (!(await claimMember(steps, source, member, claim))) {
      // like the server, reject a destination that is not a set, if there is a source
      if ((await steps.call('exists', source)) === 1) await steps.call('scard', destination);
      return 0;
    }
    await steps.together([withdrawClaims(steps, destination, member), ['sadd', destination, member]]);
    const taken = await steps.afterwards('SMOVE', 'the member is in both sets', true, () =>
      steps.script<number>(TAKE_MEMBER, keys, [member, claim.token]),
    );
    if (taken !== -1) return taken;
    await pauseAfter(attempt);
  }
  return steps.afterwards('SMOVE', 'the member is in both sets', true, () => {
    throw new TransactionConflictError(MOVE_ATTEMPTS);
  });
};
