import crypto from 'node:crypto';

/** The random numbers of a process. */
export interface Randomness {
  /** Returns a number from 0 to 1, exclusive of 1. */
  readonly random: () => number;
  readonly randomBytes: (size: number) => Buffer;
  readonly randomUUID: () => string;
}

/** The random numbers of Node.js. */
export const NODE_RANDOMNESS: Randomness = {
  random: () => Math.random(),
  randomBytes: (size) => crypto.randomBytes(size),
  randomUUID: () => crypto.randomUUID(),
};

export let { random, randomBytes, randomUUID }: Randomness = NODE_RANDOMNESS;

/** Replaces what this file exports, for all who have imported it; see `useRuntime`. */
export function replaceRandomness(given: Randomness): void {
  ({ random, randomBytes, randomUUID } = given);
}
