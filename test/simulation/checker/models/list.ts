import type { Model } from '../model.js';

/** A list that grows at its end: RPUSH returns its length. */
export const LIST: Model<readonly string[]> = {
  initial: [],
  apply(state, [name, element]) {
    const list = name === 'append' ? [...state, String(element)] : state;
    return [list, name === 'append' ? list.length : list];
  },
  canBecome: (state, later) => state.every((element, place) => element === later[place]),
};
