import { LIST } from './list.js';
import type { Plain } from '../history.js';
import type { Model } from '../model.js';

/** A list that grows at its end: XADD returns an id, which is not compared. */
export const STREAM: Model<readonly string[]> = {
  ...LIST,
  apply(state, input): readonly [readonly string[], Plain] {
    const [next, output] = LIST.apply(state, input);
    return [next, input[0] === 'append' ? true : output];
  },
};
