import type { Plain } from '../history.js';
import type { Model } from '../model.js';
import { same } from '../same.js';

/** A value that is replaced only if it is the expected one. Returns 1 if it was, else 0. */
export const COMPARE_AND_SET: Model = {
  initial: null,
  apply(state, [name, expected, value]): readonly [Plain, Plain] {
    if (name !== 'replace') return [state, state];
    return state === expected ? [value, 1] : [state, 0];
  },
  canBecome: (states, later, open) =>
    states.some((state) => same(state, later)) ||
    open.some(({ input: [name, , value] }) => name === 'replace' && same(value, later)),
};
