import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { whatCame } from '../../cluster/common/describe-value.js';

/** Checks how much is to be worked on at a time. @throws InvalidArgumentError */
export function checkConcurrency(concurrency: unknown): void {
  const fits = Number.isInteger(concurrency) || concurrency === Number.POSITIVE_INFINITY;
  if (fits && (concurrency as number) >= 1) return;
  throw new InvalidArgumentError(
    'concurrency',
    `Option concurrency must be a whole number of at least 1, or Infinity; got ${whatCame(concurrency)}`,
  );
}
