import { CommandQueue } from '../../cluster/common/ring-queue.js';

/** Runs asynchronous work, so much of it at once; the rest waits its turn, first come, first served. */
export class Limiter {
  private running = 0;
  private readonly waiting = new CommandQueue<() => void>();

  /** @param limit how much may run at once */
  constructor(private readonly limit: number) {}

  /** Resolves or rejects as `work` does, once its turn has come. */
  async run<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.running < this.limit) this.running++;
    else await new Promise<void>((resolve) => this.waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.waiting.shift();
      if (next === undefined) this.running--;
      else next(); // which takes over the place
    }
  }
}
