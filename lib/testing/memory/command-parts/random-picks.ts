import { randomBelow, type Random } from '../keyspace/random.js';
import { integerOf } from './numbers.js';

/**
 * Returns elements at random: one without a count, so many distinct ones for a positive count, and so many with
 * repetitions for a negative one.
 */
export function picks<T>(elements: readonly T[], count: string | undefined, random: Random): T[] {
  if (elements.length === 0) return [];
  const wanted = count === undefined ? 1 : integerOf(count);
  if (wanted < 0)
    return Array.from({ length: -wanted }, () => elements[randomBelow(random, elements.length)]);
  const left = [...elements];
  const chosen: T[] = [];
  while (chosen.length < wanted && left.length > 0)
    chosen.push(...left.splice(randomBelow(random, left.length), 1));
  return chosen;
}
