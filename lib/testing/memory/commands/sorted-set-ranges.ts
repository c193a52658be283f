import { SortedSet, type ScoredMember } from '../keyspace/sorted-set.js';
import {
  type CommandContext,
  type CommandSet,
  type MemoryCommand,
  SYNTAX_ERROR,
  atLeast,
  dropEmpty,
  fixed,
  valueAt,
} from '../command-parts/command.js';
import { floatOf, integerOf, rangeOf } from '../command-parts/numbers.js';
import { optionsOf } from '../command-parts/option-words.js';
import { CommandError, DoubleReply, type MemoryReply, PairsReply } from '../command-parts/reply.js';

/** Returns the places of a range in a sorted set; the end is exclusive. */
type Range = (set: SortedSet, from: string, to: string) => [start: number, end: number];

const byRank: Range = (set, from, to) => rangeOf(integerOf(from), integerOf(to), set.length);

const byScore: Range = (set, from, to) => {
  const [low, isLowOpen] = scoreBound(from);
  const [high, isHighOpen] = scoreBound(to);
  return [
    set.firstWhere(({ score }) => (isLowOpen ? score > low : score >= low)),
    set.firstWhere(({ score }) => (isHighOpen ? score >= high : score > high)),
  ];
};

function scoreBound(text: string): [value: number, isOpen: boolean] {
  const isOpen = text.startsWith('(');
  return [floatOf(isOpen ? text.slice(1) : text, 'ERR min or max is not a float'), isOpen];
}

const byBytes: Range = (set, from, to) => {
  const [isFrom, isBeyond] = [reaches(from, '('), reaches(to, '[')];
  return [set.firstWhere(({ member }) => isFrom(member)), set.firstWhere(({ member }) => isBeyond(member))];
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

/** Returns the entries of a range. The bounds of a reverse range are in reverse order. */
function entriesIn(
  context: CommandContext,
  [key, first, second]: readonly string[],
  range: Range,
  reverse: boolean,
  limit?: readonly string[],
): ScoredMember[] {
  const set = valueAt(context, key, 'zset') ?? new SortedSet();
  const bounds = placesOf(set, range, first, second, reverse);
  const found = set.entries.slice(...bounds);
  if (reverse) found.reverse();
  if (!limit) return found;
  const [offset, count] = limit.map((text) => integerOf(text));
  if (offset < 0) return [];
  return found.slice(offset, count < 0 ? undefined : offset + count);
}

function placesOf(
  set: SortedSet,
  range: Range,
  first: string,
  second: string,
  reverse: boolean,
): [number, number] {
  if (range !== byRank) return reverse ? range(set, second, first) : range(set, first, second);
  const [start, end] = range(set, first, second);
  return reverse ? [set.length - end, set.length - start] : [start, end];
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
    return reply(entriesIn(context, args, range, reverse, given.get('LIMIT')), given.has('WITHSCORES'));
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
    const range = options.has('BYSCORE') ? byScore : options.has('BYLEX') ? byBytes : byRank;
    if (options.has('LIMIT') && range === byRank)
      throw new CommandError(
        'ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX',
      );
    if (range === byBytes && options.has('WITHSCORES')) throw new CommandError(SYNTAX_ERROR);
    const entries = entriesIn(context, args, range, options.has('REV'), options.get('LIMIT'));
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
