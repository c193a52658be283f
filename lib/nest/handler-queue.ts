import { Subject, lastValueFrom, mergeMap } from 'rxjs';

/** How many things may wait in one queue. */
const MAX_PENDING = 10_000;

/** Takes things in order, so many at a time, and lets so many wait. */
export class HandlerQueue<T> {
  private readonly accepted = new Subject<T>();
  private readonly finished: Promise<unknown>;
  private pendingCount = 0;
  private droppedCount = 0;

  /** @param handle must not reject */
  constructor(handle: (item: T) => Promise<void>, concurrency: number) {
    const handled = this.accepted.pipe(
      mergeMap(async (item) => {
        await handle(item);
        this.pendingCount--;
      }, concurrency),
    );
    this.finished = lastValueFrom(handled, { defaultValue: undefined });
  }

  /** What waits or is worked on. */
  get pending(): number {
    return this.pendingCount;
  }

  /** What was not taken in because too much waited. */
  get dropped(): number {
    return this.droppedCount;
  }

  /** False where the item is dropped. */
  push(item: T): boolean {
    if (this.pendingCount >= MAX_PENDING) {
      this.droppedCount++;
      return false;
    }
    this.pendingCount++;
    this.accepted.next(item);
    return true;
  }

  /** Takes nothing more; resolves when what was taken is done with. */
  async drain(): Promise<void> {
    this.accepted.complete();
    await this.finished;
  }
}
