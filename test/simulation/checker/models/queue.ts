import type { Plain } from '../history.js';
import type { Model } from '../model.js';

/** A list to whose end elements are added, and from whose beginning they are taken. */
export const QUEUE: Model<readonly string[]> = {
  initial: [],
  apply(state, [name, element]): readonly [readonly string[], Plain] {
    if (name === 'push') return [[...state, String(element)], state.length + 1];
    if (name === 'pop') return [state.slice(1), state.at(0) ?? null];
    return [state, state];
  },
};
