import { RingQueue } from '../../cluster/common/ring-queue.js';

/** Limits how much asynchronous work runs concurrently. The rest waits in a first-in, first-out queue. */
export class Limiter {
  private running = 0;
  private readonly waiting = new RingQueue<() => void>();

  /** @param limit the maximum number of concurrent runs. */
  constructor(private readonly limit: number) {}

  /** Runs `work` when its turn comes, and settles like it. */
  async run<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.running < this.limit) this.running++;
    else await new Promise<void>((resolve) => this.waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.waiting.shift();
      if (next === undefined) this.running--;
      else next(); // it takes over the place
    }
  }
}
