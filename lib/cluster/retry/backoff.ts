import { random } from '../runtime/randomness.js';
const SHORTEST_CEILING_MS = 25;
const LONGEST_CEILING_MS = 500;

/**
 * How long to wait before the n-th further attempt, in ms: full jitter, anything up to a ceiling that doubles.
 * See M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 */
export function backoffMs(attempt: number): number {
  const ceiling = Math.min(LONGEST_CEILING_MS, SHORTEST_CEILING_MS * 2 ** (attempt - 1));
  return Math.ceil(random() * ceiling);
}
