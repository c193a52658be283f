import { keySlot } from '../../cluster/topology/key-slot.js';

const tags = new Map<number, string>();
let candidate = 0;

/**
 * A short hash tag of a slot. Every key of the form `{tag}…` is in that slot, which cannot be had from the name of
 * another key there: that may hold braces of its own.
 */
export function tagOfSlot(slot: number): string {
  // what is met on the way is kept, so the search is paid once for all slots
  for (let tag = tags.get(slot); ; tag = tags.get(slot), candidate++) {
    if (tag !== undefined) return tag;
    const text = candidate.toString(36);
    const found = keySlot(text);
    if (!tags.has(found)) tags.set(found, text);
  }
}
