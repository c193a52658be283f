import { InvalidArgumentError } from '../cluster/common/errors.js';
import { checkOptionNames } from '../cluster/common/check-option-names.js';
import { describeOther } from '../cluster/common/describe-value.js';

/**
 * Returns the prefix that a store puts before its keys: the option `prefix`, or its default.
 * @param store whose options these are, for the error
 * @throws InvalidArgumentError for an unknown option, or a prefix with braces
 */
export function resolveStorePrefix(
  store: string,
  options: { prefix?: string | undefined },
  defaultPrefix: string,
): string {
  checkOptionNames(store, options, ['prefix']);
  const { prefix = defaultPrefix } = options;
  // braces would put all keys in one slot, hence on one node
  if (typeof prefix === 'string' && !/[{}]/.test(prefix)) return prefix;
  throw new InvalidArgumentError(
    'prefix',
    `"prefix" of ${store} must be a string without braces, got ${describeOther(prefix)}`,
  );
}
