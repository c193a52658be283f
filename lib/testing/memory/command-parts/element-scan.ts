import type { TypeName, ValueTypes } from '../keyspace/stored-value.js';
import { type MemoryCommand, atLeast, valueAt } from './command.js';
import { globExpression } from './glob.js';
import { optionsOf } from './option-words.js';

/**
 * Describes a command that scans the elements of a key. It returns all of them in one page: a server, too, may return
 * more than COUNT.
 *
 * @param parts returns each element as a list, whose first part MATCH compares.
 */
export const elementScan = <T extends TypeName>(
  type: T,
  parts: (value: ValueTypes[T]) => readonly (readonly string[])[],
): MemoryCommand =>
  atLeast(2, (args, context) => {
    const options = optionsOf(args, 2, { MATCH: 1, COUNT: 1 });
    const [glob] = options.get('MATCH') ?? [];
    const value = valueAt(context, args[0], type);
    const expression = glob === undefined ? undefined : globExpression(glob);
    const found = value === undefined ? [] : parts(value);
    return ['0', found.filter(([first]) => expression?.test(first) ?? true).flat()];
  });
