import type { Plain } from '../history.js';
import type { Model, OpenCall } from '../model.js';

/** A list that grows at its end: RPUSH returns its length. */
export const LIST: Model<readonly string[]> = {
  initial: [],
  apply(state, [name, element]) {
    const list = name === 'append' ? [...state, String(element)] : state;
    return [list, name === 'append' ? list.length : list];
  },
  canBecome(states, seen, open) {
    const outputs = outputsByElement(open);
    // what is not there yet must be appended by a call that is not done, which returns the length that it makes
    const canCome = (element: string, length: number): boolean =>
      outputs.get(element)?.some((output) => typeof output !== 'number' || output === length) === true;
    return states.some(
      (state) =>
        state.length <= seen.length &&
        seen.every((element, place) =>
          place < state.length ? element === state[place] : canCome(element, place + 1),
        ),
    );
  },
};

/** Returns what calls return that append, by their elements. */
function outputsByElement(open: readonly OpenCall[]): Map<string, (Plain | undefined)[]> {
  const outputs = new Map<string, (Plain | undefined)[]>();
  for (const { input, output } of open) {
    const [name, element] = input;
    if (name !== 'append') continue;
    const known = outputs.get(String(element));
    if (known === undefined) outputs.set(String(element), [output]);
    else known.push(output);
  }
  return outputs;
}
