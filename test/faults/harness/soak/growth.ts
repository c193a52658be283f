/** The samples of one quantity over time. */
export interface Series {
  readonly name: string;
  /** How much it may grow from the first sample to the last, beyond what is noise. */
  readonly mayGrow: number;
  /** When each sample was taken, in hours since the start, and its value. */
  readonly samples: readonly (readonly [hours: number, value: number])[];
}

/** A straight line through the samples. */
export interface Growth {
  readonly name: string;
  /** How much the quantity grows in an hour. */
  readonly perHour: number;
  /** Twice the standard error of that. */
  readonly uncertainty: number;
  /** How much it has certainly grown over all samples, at least. */
  readonly certain: number;
  readonly mean: number;
  readonly first: number;
  readonly last: number;
  readonly isExcessive: boolean;
}

/** A line through fewer samples says nothing. */
const FEWEST = 10;

/**
 * Fits a line by least squares. What is sampled while caches fill and code is compiled is no growth, so the first
 * quarter is left out, an hour of it at most.
 * @returns undefined if there are too few samples
 */
export function growthOf({ name, mayGrow, samples }: Series): Growth | undefined {
  const end = samples.at(-1)?.[0] ?? 0;
  const settled = samples.filter(([hours]) => hours >= Math.min(end / 4, 1));
  if (settled.length < FEWEST) return undefined;
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const [meanHours, meanValue] = [
    mean(settled.map(([hours]) => hours)),
    mean(settled.map(([, value]) => value)),
  ];
  let spread = 0;
  let joint = 0;
  for (const [hours, value] of settled) {
    spread += (hours - meanHours) ** 2;
    joint += (hours - meanHours) * (value - meanValue);
  }
  const perHour = joint / spread;
  const residual = settled.reduce(
    (sum, [hours, value]) => sum + (value - meanValue - perHour * (hours - meanHours)) ** 2,
    0,
  );
  const uncertainty = 2 * Math.sqrt(residual / (settled.length - 2) / spread);
  const certain = (perHour - uncertainty) * (settled.at(-1)![0] - settled[0][0]);
  return {
    name,
    perHour,
    uncertainty,
    certain,
    mean: meanValue,
    first: settled[0][1],
    last: settled.at(-1)![1],
    isExcessive: certain > mayGrow,
  };
}

/** One line about a growth, for people. */
export function growthLine({ name, perHour, uncertainty, mean, first, last, isExcessive }: Growth): string {
  const [rate, range] = [perHour, uncertainty].map((value) => value.toFixed(2));
  return (
    `${name}: ${perHour < 0 ? '' : '+'}${rate} (± ${range}) per hour; mean ${mean.toFixed(1)}, ` +
    `first ${first.toFixed(1)}, last ${last.toFixed(1)}${isExcessive ? ' GROWS' : ''}`
  );
}
