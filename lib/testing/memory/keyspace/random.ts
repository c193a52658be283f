/** Returns numbers from 0 to 1, exclusive of 1. */
export type Random = () => number;

/**
 * Returns a generator of random numbers that repeats its sequence for the same seed.
 *
 * @see {@link https://github.com/bryc/code/blob/master/jshash/PRNGs.md | mulberry32}
 */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Returns an integer from 0 to `limit`, exclusive of `limit`. */
export const randomBelow = (random: Random, limit: number): number => Math.floor(random() * limit);
