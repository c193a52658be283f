import { InvalidArgumentError } from './errors.js';
import { describeKind } from './describe-value.js';

/**
 * Rejects options that are not an object, and unknown option names: a misspelt option would silently have no
 * effect.
 * @param what the owner of the options, for the error
 * @throws InvalidArgumentError naming the option
 */
export function checkOptionNames(what: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new InvalidArgumentError(
      'options',
      `The options of ${what} must be an object, got ${describeKind(options)}`,
    );
  }
  const unknown = Object.keys(options).find((option) => !known.includes(option));
  if (unknown === undefined) return;
  throw new InvalidArgumentError(
    unknown,
    `Unknown option ${unknown} of ${what}; known are ${known.join(', ')}`,
  );
}
