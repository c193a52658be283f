import type { Plain } from '../history.js';
import type { Model } from '../model.js';
import { same } from '../same.js';

/** A value that is written and read as a whole: GET and SET. */
export const REGISTER: Model = {
  initial: null,
  apply: (state, [name, value]): readonly [Plain, Plain] =>
    name === 'write' ? [value, 'OK'] : [state, state],
  canBecome: (states, later, open) =>
    states.some((state) => same(state, later)) ||
    open.some(({ input: [name, value] }) => name === 'write' && same(value, later)),
};
