import type { Plain } from '../history.js';
import type { Model } from '../model.js';
import { same } from '../same.js';

/** A value that is written and read as a whole, and ends some time after it was written. */
export const EXPIRING: Model = {
  initial: null,
  apply(state, [name, value]): readonly [Plain, Plain] {
    if (name === 'write') return [value, 'OK'];
    if (name === 'expire') return [state === value ? null : state, true];
    return [state, state];
  },
  canBecome: (states, later, open) =>
    states.some((state) => same(state, later)) ||
    open.some(({ input: [name, value] }) =>
      name === 'expire' ? later === null : name === 'write' && same(value, later),
    ),
};
