import { clearTimeout, queueMicrotask, setTimeout } from '../../cluster/common/timers.js';
import { Limiter } from '../common/limiter.js';
import type { HeldShare } from './share-keeper.js';

/** How many slots are read at the same time, so that as many pages of entries are in memory. */
const SLOTS_AT_ONCE = 128;

/** After how long to work on a slot again: at once, later, or when it is woken. */
export type Again = { readonly afterMs: number } | undefined;

/** Works on slots that were woken, on each by one run at a time. */
export class SlotQueue {
  private readonly limiter = new Limiter(SLOTS_AT_ONCE);
  private readonly active = new Map<number, Promise<void>>();
  private readonly woken = new Set<number>();
  /** Slots that wait, after a failure: a notification does not end the wait. */
  private readonly delayed = new Map<number, NodeJS.Timeout>();

  /**
   * @param shareOf returns the share of a slot, if this process has it.
   * @param work must not reject.
   */
  constructor(
    private readonly shareOf: (slot: number) => HeldShare | undefined,
    private readonly work: (slot: number, share: HeldShare) => Promise<Again>,
  ) {}

  wake(slot: number): void {
    const share = this.shareOf(slot);
    if (!share || share.isEnding || this.delayed.has(slot)) return;
    if (this.active.has(slot)) {
      this.woken.add(slot);
      return;
    }
    const run = this.limiter.run(async () => {
      const again = share.isEnding ? undefined : await this.work(slot, share);
      this.active.delete(slot);
      if (again && again.afterMs > 0) this.delay(slot, again.afterMs);
      else if (again || this.woken.has(slot)) queueMicrotask(() => this.wake(slot));
      this.woken.delete(slot);
    });
    this.active.set(slot, run);
  }

  /** Resolves once nothing runs for the slots that match. Slots that wait are forgotten. */
  async settle(isOf: (slot: number) => boolean): Promise<void> {
    for (const [slot, timer] of this.delayed)
      if (isOf(slot)) {
        clearTimeout(timer);
        this.delayed.delete(slot);
      }
    await Promise.all([...this.active].flatMap(([slot, run]) => (isOf(slot) ? [run] : [])));
  }

  private delay(slot: number, ms: number): void {
    const timer = setTimeout(() => {
      this.delayed.delete(slot);
      this.wake(slot);
    }, ms);
    this.delayed.set(slot, timer);
  }
}
