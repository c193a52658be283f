/** Buckets per doubling, as a power of two: a bucket is 1/16 as wide as its lower end. */
const SHIFT = 4;
const PER_DOUBLING = 1 << SHIFT;
/** The longest time that is told apart, in µs: 18 minutes. */
const LONGEST_US = 2 ** 30 - 1;
const BUCKETS = bucketOf(LONGEST_US) + 1;

/**
 * How many times fell into which interval, on a logarithmic scale. Its size is fixed, and recording allocates nothing.
 * See G. Tene's HdrHistogram for the layout of the buckets.
 */
export class Histogram {
  /** Made with the first time that is recorded: many nodes are never used. */
  private buckets: Float64Array | undefined = undefined;
  /** The first and the last bucket in use. */
  private first = BUCKETS;
  private last = -1;
  /** How many times were recorded. */
  count = 0;
  /** The longest of them, in ms. */
  max = 0;

  /** Records a time, in ms, that was measured `count` times. */
  record(ms: number, count: number): void {
    this.add(bucketOf(Math.min(LONGEST_US, Math.max(0, ms * 1_000))), count);
    if (ms > this.max) this.max = ms;
  }

  /** Adds all that was recorded to another histogram. */
  addTo(sums: Histogram): void {
    const { buckets } = this;
    if (buckets === undefined) return;
    for (let i = this.first; i <= this.last; i++) if (buckets[i] > 0) sums.add(i, buckets[i]);
    if (this.max > sums.max) sums.max = this.max;
  }

  clear(): void {
    this.buckets?.fill(0, this.first, this.last + 1);
    this.first = BUCKETS;
    this.last = -1;
    this.count = 0;
    this.max = 0;
  }

  /** The times below which these parts of all times are, in ms: the middle of their buckets. Parts in rising order. */
  percentiles(parts: readonly number[]): number[] {
    const { buckets } = this;
    const found: number[] = [];
    let below = 0;
    for (let i = this.first; buckets !== undefined && i <= this.last && found.length < parts.length; i++) {
      below += buckets[i];
      while (found.length < parts.length && below > 0 && below >= parts[found.length] * this.count)
        found.push(Math.min(this.max, middleOf(i) / 1_000));
    }
    return parts.map((_, i) => found[i] ?? 0);
  }

  private add(bucket: number, count: number): void {
    this.buckets ??= new Float64Array(BUCKETS);
    this.buckets[bucket] += count;
    this.count += count;
    if (bucket < this.first) this.first = bucket;
    if (bucket > this.last) this.last = bucket;
  }
}

function bucketOf(us: number): number {
  const whole = us | 0;
  if (whole < PER_DOUBLING) return whole;
  const shift = 31 - Math.clz32(whole) - SHIFT;
  return (shift << SHIFT) + (whole >>> shift);
}

function middleOf(bucket: number): number {
  if (bucket < PER_DOUBLING) return bucket + 0.5;
  const shift = (bucket >>> SHIFT) - 1;
  return ((bucket - (shift << SHIFT)) << shift) + 2 ** shift / 2;
}
