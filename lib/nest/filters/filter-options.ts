import { checkOptionNames } from '../../cluster/common/check-option-names.js';
import { describeKind, describeValue } from '../../cluster/common/describe-value.js';
import { InvalidArgumentError } from '../../cluster/common/errors.js';

/** Options of `ClusterExceptionFilter`. */
export interface ClusterExceptionFilterOptions {
  /**
   * HTTP statuses by the error's `code`. They take precedence over the filter's own table:
   * `{ INVALID_ARGUMENT: 400, LOCK_TIMEOUT: 423 }`.
   */
  readonly statusByCode?: Readonly<Record<string, number>> | undefined;
  /** The value of `Retry-After` for a status of 503, in whole seconds. Default 1. */
  readonly retryAfterSeconds?: number | undefined;
}

/** @throws InvalidArgumentError for an unknown option, or an invalid value */
export function checkFilterOptions(options: ClusterExceptionFilterOptions): void {
  checkOptionNames('ClusterExceptionFilter', options, ['statusByCode', 'retryAfterSeconds']);
  const { statusByCode = {}, retryAfterSeconds = 1 } = options;
  if (!Number.isSafeInteger(retryAfterSeconds) || retryAfterSeconds < 0)
    throw new InvalidArgumentError(
      'retryAfterSeconds',
      `"retryAfterSeconds" must be a whole number of seconds, got ${describeValue(retryAfterSeconds)}`,
    );
  if (typeof statusByCode !== 'object' || statusByCode === null)
    throw new InvalidArgumentError(
      'statusByCode',
      `"statusByCode" must be an object, such as { LOCK_TIMEOUT: 423 }, got ${describeKind(statusByCode)}`,
    );
  for (const [code, status] of Object.entries(statusByCode)) {
    if (!Number.isInteger(status) || status < 400 || status > 599)
      throw new InvalidArgumentError(
        'statusByCode',
        `statusByCode.${code} must be an HTTP status from 400 to 599, got ${describeValue(status)}`,
      );
  }
}
