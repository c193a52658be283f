import { describeKind } from '../../cluster/common/describe-value.js';
import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { groupBy } from '../../cluster/common/group-by.js';
import { checkSlot } from '../../cluster/topology/key-slot.js';
import type { ClusterNode, ClusterTopology, SlotRange } from '../../cluster/topology/topology.js';

/**
 * Returns the slots as a list without duplicates. @throws InvalidArgumentError for an invalid slot, or none at
 * all
 */
export function slotList(slots: Iterable<number>): number[] {
  const list = [...new Set(slots)];
  if (list.length === 0) throw new InvalidArgumentError('slots', 'There must be at least one slot');
  list.forEach(checkSlot);
  return list;
}

/** Returns the slots of ranges, without duplicates. @throws InvalidArgumentError */
export function slotsOf(ranges: Iterable<SlotRange>): number[] {
  const slots = [...ranges].flatMap(([first, last, ...more]: readonly number[]) => {
    if (more.length > 0) {
      throw new InvalidArgumentError('ranges', 'A range of slots is [first, last], got a longer list');
    }
    if (checkSlot(first) > checkSlot(last)) {
      throw new InvalidArgumentError(
        'ranges',
        `A range of slots starts with the lower one, got ${first} to ${last}`,
      );
    }
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
  return slotList(slots);
}

/**
 * Returns the slots of a mixed list of slots and ranges, without duplicates, in ascending order.
 * @throws InvalidArgumentError
 */
export function slotsAndRanges(slots: unknown): number[] {
  if (typeof slots !== 'object' || slots === null || !(Symbol.iterator in slots)) {
    throw new InvalidArgumentError(
      'slots',
      `slots must be a list of slots and of ranges [first, last], got ${describeKind(slots)}`,
    );
  }
  const items = [...(slots as Iterable<number | SlotRange>)];
  const listed = items.flatMap((item) =>
    Array.isArray(item) ? slotsOf([item as SlotRange]) : [item as number],
  );
  return slotList(listed).toSorted((a, b) => a - b);
}

/** Returns the slots as ranges, as few as possible. */
export function rangesOf(slots: readonly number[]): SlotRange[] {
  const ranges: [number, number][] = [];
  for (const slot of slots.toSorted((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === slot - 1) last[1] = slot;
    else ranges.push([slot, slot]);
  }
  return ranges;
}

/** Groups slots by the primary that owns them; `undefined` for slots without an owner. */
export function slotsByOwner(
  topology: ClusterTopology,
  slots: readonly number[],
): Map<ClusterNode | undefined, number[]> {
  return groupBy(slots, (slot) => topology.nodeForSlot(slot));
}
