import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { describeValue } from '../../cluster/common/describe-value.js';

/** Checks the option `concurrency`. @throws InvalidArgumentError */
export function checkConcurrency(concurrency: unknown): void {
  const fits = Number.isInteger(concurrency) || concurrency === Number.POSITIVE_INFINITY;
  if (fits && (concurrency as number) >= 1) return;
  throw new InvalidArgumentError(
    'concurrency',
    `"concurrency" must be a positive integer or Infinity, got ${describeValue(concurrency)}`,
  );
}
