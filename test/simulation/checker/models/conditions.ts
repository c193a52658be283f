import type { Condition, StoredRow } from '../partition-commit.js';

const COMPARISONS: Readonly<Record<Condition[1], (a: string | number, b: string | number) => boolean>> = {
  is: (a, b) => a === b,
  atLeast: (a, b) => a >= b,
  below: (a, b) => a < b,
};

/** Whether a row is found by a query with a condition. */
export function fulfils({ values }: StoredRow, [property, comparison, value]: Condition): boolean {
  const own = values[property] ?? null;
  return own !== null && COMPARISONS[comparison](own, value);
}
