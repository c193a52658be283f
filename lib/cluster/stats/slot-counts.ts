/** The number of slots of a cluster. The floor that computes slots is above this one. */
const SLOTS = 16_384;

/** Counts the commands of each slot, for those who watch. */
export class SlotCounts {
  /** Commands by slot. They only grow. */
  readonly commands = new Float64Array(SLOTS);

  /** Counts a command. @param slot negative for a command without keys, which is not counted */
  add(slot: number): void {
    if (slot >= 0) this.commands[slot]++;
  }
}
