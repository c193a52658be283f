import { within } from '../cluster/common/within.js';

/** The messages whose handlers have not finished. */
export class MessagesInFlight {
  private readonly unfinished = new Set<Promise<void>>();

  get size(): number {
    return this.unfinished.size;
  }

  /** @param work never rejects */
  add(work: Promise<void>): void {
    const counted = work.finally(() => this.unfinished.delete(counted));
    this.unfinished.add(counted);
  }

  /** Resolves when all of them have finished, or after `timeoutMs`. */
  async drain(timeoutMs: number): Promise<void> {
    await within<unknown>(timeoutMs, Promise.all(this.unfinished), () => undefined);
  }
}
