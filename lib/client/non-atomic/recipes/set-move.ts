import { TransactionConflictError } from '../../../cluster/common/errors.js';
import type { Argument } from '../../../cluster/protocol/request-encoder.js';
import { Script } from '../../../cluster/scripts/script.js';
import { MOVE_ATTEMPTS, MoveClaim, pauseAfter, withdrawClaims } from './move-claim.js';
import type { Recipe } from '../recipe.js';
import type { Steps } from '../steps.js';

/** Takes a member under a claim: 1; 0 where somebody else has taken it, -1 where the claim was withdrawn. */
const TAKE_MEMBER = new Script(`
if redis.call('SISMEMBER', KEYS[1], ARGV[1]) == 0 then return 0 end
if redis.call('GET', KEYS[2]) ~= ARGV[2] then return -1 end
local taken = redis.call('SREM', KEYS[1], ARGV[1])
redis.call('UNLINK', KEYS[2])
return taken`);

/** False where the set does not have the member. */
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

/** Adds to the destination, then removes from the source, unless it was put there again meanwhile: then once more. */
export const smove: Recipe = async (steps, [source, destination, member]) => {
  const claim = new MoveClaim(steps, source, member);
  const keys = [source, claim.key];
  for (let attempt = 1; attempt <= MOVE_ATTEMPTS; attempt++) {
    if (!(await claimMember(steps, source, member, claim))) {
      // as the server does: where there is a source, a destination that is no set is refused
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
