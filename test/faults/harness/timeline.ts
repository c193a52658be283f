/** A stretch of time without a success, in ms since the timeline began. */
export interface Outage {
  readonly from: number;
  readonly until: number;
}

/** Shorter than this, nobody calls it an outage: it is how long one probe may take on a busy machine. */
const SHORTEST_MS = 250;

/** When something worked. */
export class Timeline {
  private last: number;
  private longest: Outage | undefined = undefined;
  readonly outages: Outage[] = [];

  constructor(private readonly begin = performance.now()) {
    this.last = begin;
  }

  /** It works now. */
  success(now = performance.now()): void {
    if (now - this.last > SHORTEST_MS) this.note({ from: this.last - this.begin, until: now - this.begin });
    this.last = now;
  }

  /** Nothing more will come. */
  end(now = performance.now()): void {
    this.success(now);
  }

  get longestOutage(): Outage | undefined {
    return this.longest;
  }

  private note(outage: Outage): void {
    this.outages.push(outage);
    const length = ({ from, until }: Outage): number => until - from;
    if (this.longest === undefined || length(outage) > length(this.longest)) this.longest = outage;
  }
}
