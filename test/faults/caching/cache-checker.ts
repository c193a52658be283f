/** A write that was acknowledged. */
interface Acknowledged {
  readonly version: number;
  readonly at: number;
}

/** What a reader got that it should not have. */
export interface Violation {
  readonly key: string;
  readonly got: string | null;
  /** The version that every reader had to know by then. */
  readonly atLeast: number;
  /** How long that version had been acknowledged when the read began, in ms. */
  readonly staleMs: number;
}

/**
 * The history of one key with one writer, whose writes have rising versions: a value, or a deletion. A read may be
 * answered by any version that is not older than the newest one that had been acknowledged for `maxStaleMs` when the read
 * began.
 */
export class KeyHistory {
  version = 0;
  private readonly acknowledged: Acknowledged[] = [];
  private readonly deletions: number[] = [];

  constructor(readonly key: string) {}

  /** Returns the next version. It may be seen from now on. */
  begin(isDeletion: boolean): number {
    this.version++;
    if (isDeletion) this.deletions.push(this.version);
    return this.version;
  }

  /** Records that the server has confirmed a version. @param at when, by the clock of the readers */
  confirm(version: number, at: number): void {
    this.acknowledged.push({ version, at });
  }

  /** When a version was confirmed last. */
  get confirmedAt(): number {
    return this.acknowledged.at(-1)?.at ?? 0;
  }

  /** Checks one read. @param beganAt when it was called */
  check(got: string | null, beganAt: number, maxStaleMs: number): Violation | undefined {
    const known = this.newestBy(beganAt - maxStaleMs);
    if (known === undefined) return undefined;
    const atLeast = known.version;
    const fits = got === null ? this.deletions.some((one) => one >= atLeast) : Number(got) >= atLeast;
    return fits ? undefined : { key: this.key, got, atLeast, staleMs: beganAt - known.at };
  }

  private newestBy(time: number): Acknowledged | undefined {
    let low = 0;
    let high = this.acknowledged.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.acknowledged[middle].at <= time) low = middle + 1;
      else high = middle;
    }
    return this.acknowledged[low - 1];
  }
}
