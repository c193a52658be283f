/** Counts the commands of each slot, for those who watch. */
export class SlotCounts {
  /** Commands by slot. They only grow. */
  readonly commands: Float64Array;

  /** @param slotCount how many slots a cluster has */
  constructor(slotCount: number) {
    this.commands = new Float64Array(slotCount);
  }

  /** Counts a command. @param slot negative for a command without keys, which is not counted */
  add(slot: number): void {
    if (slot >= 0) this.commands[slot]++;
  }
}
