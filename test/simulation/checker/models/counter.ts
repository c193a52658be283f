import type { Model } from '../model.js';

/** A number to which positive numbers are added: INCRBY returns the sum. */
export const COUNTER: Model<number> = {
  initial: 0,
  apply(state, [name, by]) {
    const sum = name === 'add' ? state + Number(by) : state;
    return [sum, sum];
  },
  canBecome: (states, later) => states.some((state) => state <= later),
};
