import type { SlotRange } from '../../cluster/topology/topology.js';

const MOST_RANGES = 5;

/** Returns slots as few ranges: `0-5460, 5462`. */
export function slotText(slots: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const slot of slots) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === slot - 1) last[1] = slot;
    else ranges.push([slot, slot]);
  }
  return rangesText(ranges);
}

function rangesText(ranges: readonly SlotRange[]): string {
  const shown = ranges
    .slice(0, MOST_RANGES)
    .map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`));
  return ranges.length > MOST_RANGES ? `${shown.join(', ')}, …` : shown.join(', ');
}
