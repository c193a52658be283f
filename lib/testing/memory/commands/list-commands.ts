import {
  type CommandContext,
  type CommandSet,
  SYNTAX_ERROR,
  atLeast,
  command,
  dropEmpty,
  fixed,
  valueAt,
  valueFor,
} from '../command-parts/command.js';
import { integerOf, rangeOf } from '../command-parts/numbers.js';
import { optionsOf } from '../command-parts/option-words.js';
import { CommandError, type MemoryReply, NO_LIST, OK } from '../command-parts/reply.js';

const NONE: readonly string[] = [];
const list = (context: CommandContext, key: string): readonly string[] =>
  valueAt(context, key, 'list') ?? NONE;

/** Returns the index of an element; negative places count from the end. */
const indexOf = (place: string, length: number): number => {
  const index = integerOf(place);
  return index < 0 ? length + index : index;
};

const push = (atEnd: boolean, onlyExisting: boolean) =>
  atLeast(2, ([key, ...elements], context) => {
    if (onlyExisting && !valueAt(context, key, 'list')) return 0;
    const found = valueFor(context, key, 'list');
    for (const element of elements) {
      if (atEnd) found.push(element);
      else found.unshift(element);
    }
    return found.length;
  });

const pop = (atEnd: boolean) =>
  command(1, 2, ([key, count], context): MemoryReply => {
    const wanted = count === undefined ? 1 : integerOf(count);
    if (wanted < 0) throw new CommandError('ERR value is out of range, must be positive');
    const found = valueAt(context, key, 'list');
    if (!found) return count === undefined ? null : NO_LIST;
    const taken = atEnd
      ? found.splice(Math.max(0, found.length - wanted)).reverse()
      : found.splice(0, wanted);
    dropEmpty(context, key);
    return count === undefined ? taken[0] : taken;
  });

function move(context: CommandContext, from: string, to: string, ends: readonly boolean[]): MemoryReply {
  const source = valueAt(context, from, 'list');
  if (!source) return null;
  valueAt(context, to, 'list');
  const element = (ends[0] ? source.pop() : source.shift()) as string;
  const target = valueFor(context, to, 'list');
  if (ends[1]) target.push(element);
  else target.unshift(element);
  dropEmpty(context, from);
  return element;
}

function isRight(word: string): boolean {
  const end = word.toUpperCase();
  if (end !== 'LEFT' && end !== 'RIGHT') throw new CommandError(SYNTAX_ERROR);
  return end === 'RIGHT';
}

/** Removes the first `count` occurrences, the last ones for a negative count, all of them for 0. */
function removeOccurrences(found: string[], count: number, element: string): number {
  const places = found.flatMap((other, i) => (other === element ? [i] : []));
  const chosen = new Set(count === 0 ? places : count > 0 ? places.slice(0, count) : places.slice(count));
  const left = found.filter((_, i) => !chosen.has(i));
  found.splice(0, found.length, ...left);
  return chosen.size;
}

export const LIST_COMMANDS: CommandSet = {
  rpush: push(true, false),
  lpush: push(false, false),
  rpushx: push(true, true),
  lpushx: push(false, true),
  rpop: pop(true),
  lpop: pop(false),
  llen: fixed(1, ([key], context) => list(context, key).length),
  lrange: fixed(3, ([key, from, to], context) => {
    const bounds = [integerOf(from), integerOf(to)] as const;
    const found = list(context, key);
    return found.slice(...rangeOf(...bounds, found.length));
  }),
  lindex: fixed(2, ([key, place], context) => {
    const found = valueAt(context, key, 'list');
    return found?.[indexOf(place, found.length)] ?? null;
  }),
  lset: fixed(3, ([key, place, element], context) => {
    const found = valueAt(context, key, 'list');
    if (!found) throw new CommandError('ERR no such key');
    const index = indexOf(place, found.length);
    if (!(index in found)) throw new CommandError('ERR index out of range');
    found[index] = element;
    return OK;
  }),
  lrem: fixed(3, ([key, count, element], context) => {
    const wanted = integerOf(count);
    const found = valueAt(context, key, 'list');
    if (!found) return 0;
    const removed = removeOccurrences(found, wanted, element);
    dropEmpty(context, key);
    return removed;
  }),
  ltrim: fixed(3, ([key, from, to], context) => {
    const bounds = [integerOf(from), integerOf(to)] as const;
    const found = valueAt(context, key, 'list');
    if (!found) return OK;
    const [start, end] = rangeOf(...bounds, found.length);
    found.splice(end);
    found.splice(0, start);
    dropEmpty(context, key);
    return OK;
  }),
  linsert: fixed(4, ([key, side, pivot, element], context) => {
    const isAfter = side.toUpperCase() === 'AFTER';
    if (!isAfter && side.toUpperCase() !== 'BEFORE') throw new CommandError(SYNTAX_ERROR);
    const found = valueAt(context, key, 'list');
    if (!found) return 0;
    const at = found.indexOf(pivot);
    if (at < 0) return -1;
    found.splice(isAfter ? at + 1 : at, 0, element);
    return found.length;
  }),
  lpos: atLeast(2, (args, context) => {
    const options = optionsOf(args, 2, { RANK: 1, COUNT: 1, MAXLEN: 1 });
    const [rank] = (options.get('RANK') ?? ['1']).map((text) => integerOf(text));
    const [most] = (options.get('MAXLEN') ?? ['0']).map((text) => integerOf(text));
    if (rank === 0)
      throw new CommandError(
        "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list",
      );
    const found = list(context, args[0]);
    const places = [...found.keys()];
    const searched = (rank < 0 ? places.reverse() : places).slice(0, most === 0 ? undefined : most);
    const matches = searched.filter((i) => found[i] === args[1]).slice(Math.abs(rank) - 1);
    const count = options.get('COUNT');
    if (!count) return matches[0] ?? null;
    return integerOf(count[0]) === 0 ? matches : matches.slice(0, integerOf(count[0]));
  }),
  lmove: fixed(4, ([from, to, ...ends], context) => move(context, from, to, ends.map(isRight))),
  rpoplpush: fixed(2, ([from, to], context) => move(context, from, to, [true, false])),
};
