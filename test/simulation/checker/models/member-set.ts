import type { Model } from '../model.js';

/** A set of members, in order: SADD and SREM return how many they changed. */
export const MEMBER_SET: Model<readonly string[]> = {
  initial: [],
  apply(state, [name, member]) {
    const rest = state.filter((one) => one !== member);
    if (name === 'add') return [[...rest, String(member)].toSorted(), state.length === rest.length ? 1 : 0];
    if (name === 'remove') return [rest, state.length - rest.length];
    return [state, state];
  },
};
