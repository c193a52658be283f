import { wordOf } from '../../../cluster/command-table/command-keys.js';
import { InvalidArgumentError } from '../../../cluster/common/errors.js';
import { keySlot } from '../../../cluster/topology/key-slot.js';
import type { Argument } from '../../../cluster/protocol/request-encoder.js';
import { refuseTooMany } from './member-count.js';
import type { Recipe } from '../recipe.js';
import { replaceCollection } from './replace-collection.js';
import type { Steps } from '../steps.js';

/** The options of SORT, and how many arguments each takes. */
const OPTIONS = new Map([
  ['by', 1],
  ['get', 1],
  ['limit', 2],
  ['store', 1],
]);

/** An option of SORT with its arguments. */
type Option = readonly [name: string, words: readonly Argument[]];

/** Sorts on the node of the key, and stores the result at its destination. */
export const sort: Recipe = async (steps, [key, ...rest]) => {
  const options = optionsOf(rest);
  const destination = options.findLast(([name]) => name === 'store')?.[1][1];
  const words = options.flatMap(([name, own]) => (name === 'store' ? [] : own));
  await refuseTooMany(steps, 'SORT', [key]);
  const elements = await steps.call<(Buffer | null)[]>('sort', key, ...words);
  // like the server, store an empty string for what a GET pattern did not find
  const stored = elements.map((element) => element ?? Buffer.alloc(0));
  return replaceCollection(steps, 'SORT', destination!, 'rpush', stored);
};

/**
 * Rejects patterns that lead to keys of other slots, as servers do in cluster mode.
 * @throws InvalidArgumentError
 */
export function refuseForeignPatterns(steps: Steps, [key, ...rest]: readonly Argument[]): void {
  for (const [name, [, pattern]] of optionsOf(rest)) {
    const text = String(pattern);
    const foreign = name === 'by' ? text.includes('*') : name === 'get' && text !== '#';
    // newer servers allow patterns with the hash tag of the key
    if (!foreign || (tagged(text) && keySlot(text) === steps.slotOf(key))) continue;
    throw new InvalidArgumentError(
      name,
      `SORT … ${name.toUpperCase()} would read keys that may be in any slot, which a cluster rejects. ` +
        'Sort by the elements themselves, or read those keys with nonAtomic.mget and sort them in your code.',
    );
  }
}

function optionsOf(args: readonly Argument[]): Option[] {
  const options: Option[] = [];
  for (let i = 0; i < args.length;) {
    const name = wordOf(args[i]);
    const end = i + 1 + (OPTIONS.get(name) ?? 0);
    options.push([name, args.slice(i, end)]);
    i = end;
  }
  return options;
}

/** Returns whether all keys of a pattern have the same hash tag. */
function tagged(pattern: string): boolean {
  return /^[^{*]*\{[^}*]+\}/.test(pattern);
}
