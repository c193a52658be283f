import { randomBelow, type Random } from '../../../lib/testing/memory/keyspace/random.js';

/** Returns one of a list. */
export const pick = <T>(random: Random, list: readonly T[]): T => list[randomBelow(random, list.length)];
