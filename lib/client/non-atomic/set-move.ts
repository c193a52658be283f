import type { Recipe } from './recipe.js';

/** Adds to the destination, then removes from the source. */
export const smove: Recipe = async (steps, [source, destination, member]) => {
  if ((await steps.call('sismember', source, member)) === 0) return 0;
  await steps.call('sadd', destination, member);
  return steps.afterwards('SMOVE', 'the member is in both sets', true, () =>
    steps.call('srem', source, member),
  );
};
