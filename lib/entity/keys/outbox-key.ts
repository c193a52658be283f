import { KEY_SUFFIXES, TAG_PREFIXES } from './stored-names.js';
import { SLOT_COUNT, keySlot } from '../../cluster/topology/key-slot.js';

let tags: readonly number[] | undefined;
/** Returns the smallest whole number that hashes to a slot: a hash tag for keys of the slot itself. */
function slotTag(slot: number): number {
  return (tags ??= smallestNumbers())[slot];
}
// About a hundred thousand hashes, once, which takes a few milliseconds.
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
 * Returns the key of the stream with the changes of all partitions of an owner in one slot: `{1234}:Order~ev`. One
 * stream per slot, rather than per partition, lets readers follow all partitions without a list of them.
 */
export const outboxKey = (partitionName: string, slot: number): string =>
  `{${slotTag(slot)}}:${partitionName}${KEY_SUFFIXES.outbox}`;
/** Returns the key of a group's progress in the outbox of one slot: `{1234}:Order~fo:billing`. */
export const progressKey = (partitionName: string, slot: number, group: string): string =>
  `{${slotTag(slot)}}:${partitionName}${KEY_SUFFIXES.progress}${group}`;
/** Returns the key of the changes of one slot that a group put aside: `{1234}:Order~fd:billing`. */
export const deadLettersKey = (partitionName: string, slot: number, group: string): string =>
  `{${slotTag(slot)}}:${partitionName}${KEY_SUFFIXES.deadLetters}${group}`;
/** Returns the key of a group of followers: `{~f:Order:billing}`. */
export const groupKey = (partitionName: string, group: string): string =>
  `{${TAG_PREFIXES.followers}${partitionName}:${group}}`;
/** Returns the name of the owner and the id in a partition's tag. */
export function splitTag(tag: string): [partitionName: string, partitionText: string] {
  const colon = tag.indexOf(':');
  return [tag.slice(1, colon), tag.slice(colon + 1, -1)];
}
