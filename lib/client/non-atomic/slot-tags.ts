import { keySlot } from '../../cluster/topology/key-slot.js';

const tags = new Map<number, string>();
let candidate = 0;

/**
 * Returns a short hash tag of a slot. Every key of the form `{tag}…` is in that slot. The name of another key
 * in the slot cannot serve as a tag, as it may contain braces.
 */
export function tagOfSlot(slot: number): string {
  // keep the tags found on the way, so that the search runs once for all slots
  for (let tag = tags.get(slot); ; tag = tags.get(slot), candidate++) {
    if (tag !== undefined) return tag;
    const text = candidate.toString(36);
    const found = keySlot(text);
    if (!tags.has(found)) tags.set(found, text);
  }
}
