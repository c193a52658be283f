import { clearTimeout, setTimeout } from '../../cluster/common/timers.js';
import { TurnQueue } from '../common/turn-queue.js';

/** After this time, the next transaction starts beside the current one, in milliseconds. */
const LONGEST_TURN_MS = 1_000;

/**
 * Runs the transactions of this process that conflicted in a partition one after the other, in the order of arrival.
 * Otherwise they would keep failing each other. A partition without conflicts has no queue.
 */
export class PartitionQueue {
  private readonly turns = new TurnQueue();

  /** Returns whether transactions of a partition are taking turns, so that a new one should join them. */
  isContended(partition: string): boolean {
    return this.turns.length(partition) > 0;
  }

  /** Runs `work` after all transactions that came before. */
  async takeTurn<T>(partition: string, work: () => Promise<T>): Promise<T> {
    const endTurn = await this.turns.enter(partition);
    // A turn is not a lock: a slow transaction continues beside the next one, and the commits decide.
    const timer = setTimeout(endTurn, LONGEST_TURN_MS);
    timer.unref();
    try {
      return await work();
    } finally {
      clearTimeout(timer);
      endTurn();
    }
  }
}
