import {
  type CommandContext,
  type CommandSet,
  atLeast,
  command,
  dropEmpty,
  fixed,
  replace,
  valueAt,
  valueFor,
} from '../command-parts/command.js';
import { elementScan } from '../command-parts/element-scan.js';
import { integerOf } from '../command-parts/numbers.js';
import { optionsOf } from '../command-parts/option-words.js';
import { picks } from '../command-parts/random-picks.js';
import { CommandError, SetReply } from '../command-parts/reply.js';

const NONE: ReadonlySet<string> = new Set();
const members = (context: CommandContext, key: string): ReadonlySet<string> =>
  valueAt(context, key, 'set') ?? NONE;

function remove(context: CommandContext, key: string, elements: readonly string[]): number {
  const found = valueAt(context, key, 'set');
  if (!found) return 0;
  const removed = elements.filter((element) => found.delete(element)).length;
  dropEmpty(context, key);
  return removed;
}

/** Combines the sets of some keys. */
type Algebra = (sets: readonly ReadonlySet<string>[]) => string[];

const union: Algebra = (sets) => [...new Set(sets.flatMap((set) => [...set]))];
const intersection: Algebra = ([first, ...others]) =>
  [...first].filter((element) => others.every((other) => other.has(element)));
const difference: Algebra = ([first, ...others]) =>
  [...first].filter((element) => !others.some((other) => other.has(element)));

const combined = (algebra: Algebra) =>
  atLeast(1, (keys, context) => new SetReply(algebra(keys.map((key) => members(context, key)))));

const stored = (algebra: Algebra) =>
  atLeast(2, ([destination, ...keys], context) => {
    const found = new Set(algebra(keys.map((key) => members(context, key))));
    replace(context, destination, found);
    return found.size;
  });

export const SET_COMMANDS: CommandSet = {
  sadd: atLeast(2, ([key, ...elements], context) => {
    const found = valueFor(context, key, 'set');
    const before = found.size;
    for (const element of elements) found.add(element);
    return found.size - before;
  }),
  srem: atLeast(2, ([key, ...elements], context) => remove(context, key, elements)),
  smembers: fixed(1, ([key], context) => new SetReply([...members(context, key)])),
  scard: fixed(1, ([key], context) => members(context, key).size),
  sismember: fixed(2, ([key, element], context) => Number(members(context, key).has(element))),
  smismember: atLeast(2, ([key, ...elements], context) => {
    const found = members(context, key);
    return elements.map((element) => Number(found.has(element)));
  }),
  spop: command(1, 2, ([key, count], context) => {
    if (count !== undefined && integerOf(count) < 0)
      throw new CommandError('ERR value is out of range, must be positive');
    const chosen = picks([...members(context, key)], count, context.random);
    remove(context, key, chosen);
    return count === undefined ? (chosen[0] ?? null) : new SetReply(chosen);
  }),
  srandmember: command(1, 2, ([key, count], context) => {
    const chosen = picks([...members(context, key)], count, context.random);
    return count === undefined ? (chosen[0] ?? null) : chosen;
  }),
  smove: fixed(3, ([from, to, element], context) => {
    if (!valueAt(context, from, 'set')) return 0;
    members(context, to); // fails here, before anything is removed, if it is not a set
    if (remove(context, from, [element]) === 0) return 0;
    valueFor(context, to, 'set').add(element);
    return 1;
  }),
  sunion: combined(union),
  sinter: combined(intersection),
  sdiff: combined(difference),
  sunionstore: stored(union),
  sinterstore: stored(intersection),
  sdiffstore: stored(difference),
  sintercard: atLeast(2, (args, context) => {
    const count = integerOf(args[0]);
    const [limit] = optionsOf(args, 1 + count, { LIMIT: 1 }).get('LIMIT') ?? ['0'];
    const found = intersection(args.slice(1, 1 + count).map((key) => members(context, key)));
    return integerOf(limit) === 0 ? found.length : Math.min(found.length, integerOf(limit));
  }),
  sscan: elementScan('set', (value) => [...value].map((element) => [element])),
};
