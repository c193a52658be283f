/** First-in, first-out queues of the callers of this process, one queue per key. */
export class TurnQueue {
  private readonly queues = new Map<string, (() => void)[]>();

  /** Returns the number of callers of a key, including the one whose turn it is. */
  length(key: string): number {
    const queue = this.queues.get(key);
    return queue ? queue.length + 1 : 0;
  }

  /**
   * Waits for the caller's turn. If nobody else uses the key, it comes at once.
   *
   * @param givenUp ends the wait when it resolves.
   * @returns a function that ends the turn, once however often it is called; undefined if the wait was given up.
   */
  enter(key: string): Promise<() => void>;
  enter(key: string, givenUp: Promise<void>): Promise<(() => void) | undefined>;
  async enter(key: string, givenUp?: Promise<void>): Promise<(() => void) | undefined> {
    const queue = this.queues.get(key);
    if (!queue) {
      this.queues.set(key, []);
      return this.turn(key);
    }
    let take = (): void => {};
    const turn = new Promise<boolean>((resolve) => queue.push((take = () => resolve(true))));
    if (await (givenUp ? Promise.race([turn, givenUp.then(() => false)]) : turn)) return this.turn(key);
    const place = queue.indexOf(take);
    if (place === -1)
      this.callNext(key); // the turn came at the same moment
    else queue.splice(place, 1);
    return undefined;
  }

  private turn(key: string): () => void {
    let isOver = false;
    return () => {
      if (!isOver) this.callNext(key);
      isOver = true;
    };
  }

  private callNext(key: string): void {
    const next = this.queues.get(key)?.shift();
    if (next) next();
    else this.queues.delete(key);
  }
}
