import { SortedSet, type ScoredMember } from '../keyspace/sorted-set.js';
import {
  type CommandContext,
  type CommandSet,
  type MemoryCommand,
  atLeast,
  dropEmpty,
  fixed,
  valueAt,
} from '../command-parts/command.js';
import { floatOf, integerOf, rangeOf } from '../command-parts/numbers.js';
import { optionsOf } from '../command-parts/option-words.js';
import { CommandError, DoubleReply, type MemoryReply, PairsReply } from '../command-parts/reply.js';

/** Returns the places of a range in a sorted set; the end is exclusive. */
type Places = (set: SortedSet) => [start: number, end: number];

/** Reads the bounds of a range. @throws CommandError */
type Range = (from: string, to: string) => Places;

const byRank: Range = (from, to) => {
  const [first, last] = [integerOf(from), integerOf(to)];
  return (set) => rangeOf(first, last, set.length);
};

const byScore: Range = (from, to) => {
  const [low, isLowOpen] = scoreBound(from);
  const [high, isHighOpen] = scoreBound(to);
  return (set) => [
    set.firstWhere(({ score }) => (isLowOpen ? score > low : score >= low)),
    set.firstWhere(({ score }) => (isHighOpen ? score >= high : score > high)),
  ];
};

function scoreBound(text: string): [value: number, isOpen: boolean] {
  const isOpen = text.startsWith('(');
  return [floatOf(isOpen ? text.slice(1) : text, 'ERR min or max is not a float'), isOpen];
}

const byBytes: Range = (from, to) => {
  const [isFrom, isBeyond] = [reaches(from, '('), reaches(to, '[')];
  return (set) => [
    set.firstWhere(({ member }) => isFrom(member)),
    set.firstWhere(({ member }) => isBeyond(member)),
  ];
};

/**
 * Returns a test for the members that a bound lies before.
 *
 * @param open which kind of bound does not lie before the member that equals it.
 */
function reaches(text: string, open: string): (member: string) => boolean {
  if (text === '-') return () => true;
  if (text === '+') return () => false;
  const [kind, bytes] = [text[0], text.slice(1)];
  if (kind !== '[' && kind !== '(') throw new CommandError('ERR min or max not valid string range item');
  return kind === open ? (member) => member > bytes : (member) => member >= bytes;
}

/** The reverse of a range by rank counts from the end; the bounds of the others change their places. */
function reversed(range: Range, first: string, second: string): Places {
  if (range !== byRank) return range(second, first);
  const places = range(first, second);
  return (set) => {
    const [start, end] = places(set);
    return [set.length - end, set.length - start];
  };
}

/** Reads the numbers of LIMIT. */
const limitIn = (options: ReadonlyMap<string, readonly string[]>): readonly number[] | undefined =>
  options.get('LIMIT')?.map((text) => integerOf(text));

/** Returns the entries of a range. The bounds of a reverse range are in reverse order. */
function entriesIn(
  context: CommandContext,
  [key, first, second]: readonly string[],
  range: Range,
  reverse: boolean,
  limit?: readonly number[],
): ScoredMember[] {
  // faults of the arguments come before those of the key
  const places = reverse ? reversed(range, first, second) : range(first, second);
  const set = valueAt(context, key, 'zset') ?? new SortedSet();
  const found = set.entries.slice(...places(set));
  if (reverse) found.reverse();
  if (!limit) return found;
  const [offset, count] = limit;
  if (offset < 0) return [];
  return found.slice(offset, count < 0 ? undefined : offset + count);
}

const reply = (entries: readonly ScoredMember[], withScores: boolean): MemoryReply =>
  withScores
    ? new PairsReply(entries.map(({ member, score }) => [member, new DoubleReply(score)]))
    : entries.map(({ member }) => member);

const rangeCommand = (
  range: Range,
  reverse: boolean,
  options: Readonly<Record<string, number>>,
): MemoryCommand =>
  atLeast(3, (args, context) => {
    const given = optionsOf(args, 3, options);
    return reply(entriesIn(context, args, range, reverse, limitIn(given)), given.has('WITHSCORES'));
  });

const removal = (range: Range): MemoryCommand =>
  fixed(3, (args, context) => {
    const entries = entriesIn(context, args, range, false);
    const set = valueAt(context, args[0], 'zset');
    for (const { member } of entries) set?.delete(member);
    dropEmpty(context, args[0]);
    return entries.length;
  });

const count = (range: Range): MemoryCommand =>
  fixed(3, (args, context) => entriesIn(context, args, range, false).length);

const SCORED = { WITHSCORES: 0 };
const LIMITED = { LIMIT: 2 };

/** The commands of ranges of sorted sets. */
export const SORTED_SET_RANGES: CommandSet = {
  zrange: atLeast(3, (args, context) => {
    const options = optionsOf(args, 3, { BYSCORE: 0, BYLEX: 0, REV: 0, ...SCORED, ...LIMITED });
    const limit = limitIn(options);
    const range = options.has('BYSCORE') ? byScore : options.has('BYLEX') ? byBytes : byRank;
    if (limit && limit[1] !== -1 && range === byRank)
      throw new CommandError(
        'ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX',
      );
    if (range === byBytes && options.has('WITHSCORES'))
      throw new CommandError('ERR syntax error, WITHSCORES not supported in combination with BYLEX');
    const entries = entriesIn(context, args, range, options.has('REV'), range === byRank ? undefined : limit);
    return reply(entries, options.has('WITHSCORES'));
  }),
  zrevrange: rangeCommand(byRank, true, SCORED),
  zrangebyscore: rangeCommand(byScore, false, { ...SCORED, ...LIMITED }),
  zrevrangebyscore: rangeCommand(byScore, true, { ...SCORED, ...LIMITED }),
  zrangebylex: rangeCommand(byBytes, false, LIMITED),
  zrevrangebylex: rangeCommand(byBytes, true, LIMITED),
  zcount: count(byScore),
  zlexcount: count(byBytes),
  zremrangebyrank: removal(byRank),
  zremrangebyscore: removal(byScore),
  zremrangebylex: removal(byBytes),
};
