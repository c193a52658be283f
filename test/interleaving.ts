/** An operation has crashed: the step was not made, and no later one of it is. */
export class Crashed extends Error {}

interface WaitingStep {
  readonly operation: number;
  readonly go: () => void;
  readonly stop: (reason: Crashed) => void;
}

/** Lets the steps of operations that go on at once take place one after the other, in an order that is given. */
export class Interleaving {
  private readonly waiting: WaitingStep[] = [];
  private readonly made = new Map<number, number>();
  private readonly crashed = new Set<number>();
  private running = 0;
  private unfinished = 0;

  /**
   * @param crashes after how many steps each operation crashes; undefined for never.
   * @param next which of those that wait goes on: any whole number.
   * @param settle waits until all that can go on without a step has.
   */
  constructor(
    private readonly crashes: readonly (number | undefined)[],
    private readonly next: () => number,
    private readonly settle: () => Promise<unknown>,
  ) {}

  /** Makes a step when its turn has come. */
  async step<T>(operation: number, make: () => T | Promise<T>): Promise<T> {
    await new Promise<void>((go, stop) => this.waiting.push({ operation, go, stop }));
    this.running++;
    try {
      return await make();
    } finally {
      this.running--;
    }
  }

  /** Does what is to be done before all is over. What a crash ends, ends in `undefined`. */
  async operate<T>(work: () => Promise<T>): Promise<T | undefined> {
    this.unfinished++;
    try {
      return await work();
    } catch (error) {
      if (isCrash(error)) return undefined;
      throw error;
    } finally {
      this.unfinished--;
    }
  }

  /** Gives the turns, until all is done. @param seen is called after each step. */
  async run(seen: () => void): Promise<void> {
    for (;;) {
      await this.settle();
      if (this.running > 0) continue;
      seen();
      if (this.waiting.length > 0) this.turn();
      else if (this.unfinished === 0) return;
    }
  }

  private turn(): void {
    const [{ operation, go, stop }] = this.waiting.splice(this.next() % this.waiting.length, 1);
    const made = this.made.get(operation) ?? 0;
    this.made.set(operation, made + 1);
    if (made === this.crashes[operation]) this.crashed.add(operation);
    if (this.crashed.has(operation)) stop(new Crashed());
    else go();
  }
}

/** Whether an error is a crash, or comes of one. */
const isCrash = (error: unknown): boolean =>
  error instanceof Crashed || (error instanceof Error && error.cause !== undefined && isCrash(error.cause));
