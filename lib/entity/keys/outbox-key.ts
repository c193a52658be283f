import { KEY_SUFFIXES } from './stored-names.js';
import { SLOT_COUNT, keySlot } from '../../cluster/topology/key-slot.js';

let tags: readonly number[] | undefined;
/** The smallest whole number whose text hashes to a slot: a hash tag for keys of the slot itself. */
function slotTag(slot: number): number {
  return (tags ??= smallestNumbers())[slot];
}
// A hundred thousand hashes, once: some milliseconds.
function smallestNumbers(): number[] {
  const numbers: number[] = [];
  for (let number = 0, left = SLOT_COUNT; left > 0; number++) {
    const slot = keySlot(String(number));
    if (numbers[slot] !== undefined) continue;
    numbers[slot] = number;
    left--;
  }
  return numbers;
}
/**
 * The stream that takes the changes of all partitions of an owner that are in one slot: `{1234}:Order~ev`. One a slot,
 * not one a partition, so that all of them can be followed, without a list of partitions that would have to be kept.
 */
export const outboxKey = (partitionName: string, slot: number): string =>
  `{${slotTag(slot)}}:${partitionName}${KEY_SUFFIXES.outbox}`;
/** The name of the owner and the id in a partition's tag. */
export function splitTag(tag: string): [partitionName: string, partitionText: string] {
  const colon = tag.indexOf(':');
  return [tag.slice(1, colon), tag.slice(colon + 1, -1)];
}
