/** The longest that others of this process wait for one turn, in milliseconds. */
const LONGEST_TURN_MS = 1_000;

/**
 * Lets the transactions of this process that have met a conflict in a partition go one after the other, in the order
 * in which they came: left to themselves they would go on failing each other. Partitions without conflicts have no
 * queue.
 */
export class PartitionQueue {
  private readonly waiting = new Map<string, (() => void)[]>();

  /** Whether somebody has the turn, so that whoever comes now should join. */
  isContended(partition: string): boolean {
    return this.waiting.has(partition);
  }

  /** Runs `work` when all who came before have had their turn. */
  async takeTurn<T>(partition: string, work: () => Promise<T>): Promise<T> {
    const queue = this.waiting.get(partition);
    if (queue) await new Promise<void>((resolve) => queue.push(resolve));
    else this.waiting.set(partition, []);
    let passed = false;
    const pass = (): void => {
      if (!passed) this.callNext(partition);
      passed = true;
    };
    // A turn is a courtesy, not a lock: whoever takes too long goes on beside the next, and the commit decides.
    const timer = setTimeout(pass, LONGEST_TURN_MS);
    timer.unref();
    try {
      return await work();
    } finally {
      clearTimeout(timer);
      pass();
    }
  }

  private callNext(partition: string): void {
    const next = this.waiting.get(partition)?.shift();
    if (next) next();
    else this.waiting.delete(partition);
  }
}
