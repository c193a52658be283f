/** Messages whose handlers have not finished. */
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

  /** Resolves when all of them have finished, or after so many ms. */
  async drain(ms: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)));
    await Promise.race([Promise.all(this.unfinished), late]);
    clearTimeout(timer);
  }
}
