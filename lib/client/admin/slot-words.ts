import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { describeValue } from '../../cluster/common/describe-value.js';
import { SLOT_COUNT } from '../../cluster/topology/key-slot.js';
import type { ClusterNode, ClusterTopology, SlotRange } from '../../cluster/topology/topology.js';

/** Returns the slot. @throws InvalidArgumentError unless it is one */
export function checkSlot(slot: number): number {
  if (Number.isInteger(slot) && slot >= 0 && slot < SLOT_COUNT) return slot;
  throw new InvalidArgumentError(
    'slot',
    `"slot" must be an integer from 0 to ${SLOT_COUNT - 1}, got ${describeValue(slot)}`,
  );
}

/** The slots as a list, each once. @throws InvalidArgumentError for what is no slot, and for none */
export function slotList(slots: Iterable<number>): number[] {
  const list = [...new Set(slots)];
  if (list.length === 0) throw new InvalidArgumentError('slots', 'There must be at least one slot');
  list.forEach(checkSlot);
  return list;
}

/** The slots of ranges, each once. @throws InvalidArgumentError */
export function slotsOf(ranges: Iterable<SlotRange>): number[] {
  const slots = [...ranges].flatMap(([first, last]) => {
    if (checkSlot(first) > checkSlot(last)) {
      throw new InvalidArgumentError('ranges', 'A range of slots begins with the lower one');
    }
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
  return slotList(slots);
}

/** Slots as ranges, as few as they can be. */
export function rangesOf(slots: readonly number[]): SlotRange[] {
  const ranges: [number, number][] = [];
  for (const slot of slots.toSorted((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === slot - 1) last[1] = slot;
    else ranges.push([slot, slot]);
  }
  return ranges;
}

/** Slots by the primary that owns them; `undefined` for those without. */
export function slotsByOwner(
  topology: ClusterTopology,
  slots: readonly number[],
): Map<ClusterNode | undefined, number[]> {
  const groups = new Map<ClusterNode | undefined, number[]>();
  for (const slot of slots) {
    const owner = topology.nodeForSlot(slot);
    const group = groups.get(owner);
    if (group === undefined) groups.set(owner, [slot]);
    else group.push(slot);
  }
  return groups;
}
