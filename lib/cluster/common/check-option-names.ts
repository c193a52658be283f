import { InvalidArgumentError } from './errors.js';
import { describeKind } from './describe-value.js';

/**
 * Rejects options that are not an object, and unknown option names: a misspelt option would silently have no
 * effect.
 * @param what the owner of the options, for the error
 * @param elsewhere what names of other packages are called here
 * @throws InvalidArgumentError naming the option
 */
export function checkOptionNames(
  what: string,
  options: unknown,
  known: readonly string[],
  elsewhere: Readonly<Record<string, string>> = {},
): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new InvalidArgumentError(
      'options',
      `The options of ${what} must be an object, got ${describeKind(options)}`,
    );
  }
  for (const option of Object.keys(options))
    if (!known.includes(option))
      throw new InvalidArgumentError(
        option,
        unknownName(`Unknown option ${option} of ${what}${renamed(option, elsewhere)}`, option, known),
      );
}

/** ` (here: readFrom)` for a name of another package. */
function renamed(name: string, elsewhere: Readonly<Record<string, string>>): string {
  return Object.hasOwn(elsewhere, name) ? ` (here: ${elsewhere[name]})` : '';
}

/** A sentence about an unknown name, with the name that was probably meant, and all that are known. */
export function unknownName(fault: string, name: string, known: readonly string[]): string {
  return `${fault}${suggestionFor(name, known)}; known are ${known.join(', ')}`;
}

/** ` (did you mean limit?)` for a misspelt name or the first part of one; nothing where no known name is close. */
export function suggestionFor(name: string, known: readonly string[]): string {
  const given = name.toLowerCase();
  const most = Math.max(1, Math.floor(given.length / 3));
  let closest: string | undefined;
  let least = most + 1;
  for (const candidate of known) {
    if (Math.abs(candidate.length - given.length) >= least) continue;
    const distance = editDistance(given, candidate.toLowerCase());
    if (distance >= least) continue;
    least = distance;
    closest = candidate;
  }
  if (given.length >= LEAST_PART) closest ??= known.find((one) => one.toLowerCase().startsWith(given));
  return closest === undefined ? '' : ` (did you mean ${closest}?)`;
}

/** Of how many letters the first part of a name is. */
const LEAST_PART = 4;

/** How many letters have to be inserted, removed, replaced, or exchanged with their neighbor. */
function editDistance(from: string, to: string): number {
  let before: number[] = [];
  let above = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (let i = 1; i <= from.length; i++) {
    const row = [i];
    for (let j = 1; j <= to.length; j++) {
      const isSame = from[i - 1] === to[j - 1];
      row[j] = Math.min(row[j - 1] + 1, above[j] + 1, above[j - 1] + (isSame ? 0 : 1));
      const isSwapped = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      if (isSwapped) row[j] = Math.min(row[j], before[j - 2] + 1);
    }
    before = above;
    above = row;
  }
  return above[to.length];
}
