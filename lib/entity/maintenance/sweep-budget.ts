/** How many rows may still be swept, shared by sweeps of partitions that run at the same time. */
export class SweepBudget {
  private reserved = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(private left: number) {}

  /**
   * Reserves up to `most` rows. If others have reserved all that is left, it waits until they have used it or not.
   *
   * @returns how many it reserved; 0 if the budget is used up.
   */
  async reserve(most: number): Promise<number> {
    while (this.left === 0 && this.reserved > 0) {
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
    const rows = Math.min(most, this.left);
    this.left -= rows;
    this.reserved += rows;
    return rows;
  }

  /** Gives back what was reserved and not used. */
  settle(reserved: number, used: number): void {
    this.reserved -= reserved;
    this.left += reserved - used;
    for (const resume of this.waiting.splice(0)) resume();
  }
}
