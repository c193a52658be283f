import type { Model } from '../model.js';

/** A list that grows at its end: RPUSH returns its length. */
export const LIST: Model<readonly string[]> = {
  initial: [],
  apply(state, [name, element]) {
    const list = name === 'append' ? [...state, String(element)] : state;
    return [list, name === 'append' ? list.length : list];
  },
  // what is not there yet must be appended by a call that is not done
  canBecome: (state, seen, open) =>
    state.every((element, place) => element === seen[place]) &&
    seen
      .slice(state.length)
      .every((element) => open.some(([name, one]) => name === 'append' && one === element)),
};
