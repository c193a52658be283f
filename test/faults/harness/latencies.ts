/** Durations of calls in ms, for percentiles. */
export class Latencies {
  private durations: number[] = [];

  add(ms: number): void {
    this.durations.push(ms);
  }

  get count(): number {
    return this.durations.length;
  }

  /** The duration that such a share of all calls did not exceed; 1 gives the worst. */
  at(share: number): number {
    const sorted = this.durations.toSorted((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  }
}
