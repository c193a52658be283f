/** The middle of some numbers. */
export function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** @returns {{ median: number, min: number, max: number }} */
export function summary(numbers) {
  return { median: median(numbers), min: Math.min(...numbers), max: Math.max(...numbers) };
}

/**
 * How many times as much as the baseline. Rounds are compared one by one and the median is taken: what slows the
 * machine for a while slows both, and leaves their ratio.
 */
export function ratios(numbers, baseline) {
  return summary(numbers.map((number, round) => number / baseline[round]));
}
