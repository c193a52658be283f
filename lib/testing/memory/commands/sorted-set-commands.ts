import type { SortedSet, ScoredMember } from '../keyspace/sorted-set.js';
import {
  type CommandContext,
  type CommandSet,
  SYNTAX_ERROR,
  atLeast,
  command,
  dropEmpty,
  fixed,
  pairsOf,
  valueAt,
  valueFor,
} from '../command-parts/command.js';
import { elementScan } from '../command-parts/element-scan.js';
import { floatOf, formatDouble, integerOf } from '../command-parts/numbers.js';
import { OptionWords } from '../command-parts/option-words.js';
import { picks } from '../command-parts/random-picks.js';
import { CommandError, DoubleReply, type MemoryReply, PairsReply } from '../command-parts/reply.js';

const scoreReply = (score: number | undefined): MemoryReply =>
  score === undefined ? null : new DoubleReply(score);

const scored = (entries: readonly ScoredMember[]): [string, DoubleReply][] =>
  entries.map(({ member, score }) => [member, new DoubleReply(score)]);

const OPTIONS = ['NX', 'XX', 'GT', 'LT', 'CH', 'INCR'];

function add(args: readonly string[], context: CommandContext): MemoryReply {
  const words = new OptionWords(args, 1);
  const options = new Set<string>();
  for (let word = words.next(); word !== undefined; word = words.next()) {
    if (!OPTIONS.includes(word)) {
      words.back();
      break;
    }
    options.add(word);
  }
  const rest = words.rest();
  if (rest.length === 0 || rest.length % 2 !== 0) throw new CommandError(SYNTAX_ERROR);
  checkOptions(options, rest.length / 2);
  const pairs = pairsOf(rest, 'zadd').map(([score, member]) => [floatOf(score), member] as const);
  const existing = valueAt(context, args[0], 'zset');
  if (!existing && options.has('XX')) return options.has('INCR') ? null : 0;
  const set = valueFor(context, args[0], 'zset');
  let [added, changed, last] = [0, 0, undefined as number | undefined];
  for (const [given, member] of pairs) {
    const before = set.score(member);
    const score = options.has('INCR') ? (before ?? 0) + given : given;
    if (Number.isNaN(score)) throw new CommandError('ERR resulting score is not a number (NaN)');
    last = undefined;
    if (!isAllowed(options, before, score)) continue;
    set.add(member, score);
    last = score;
    if (before === undefined) added++;
    else if (before !== score) changed++;
  }
  dropEmpty(context, args[0]);
  if (options.has('INCR')) return scoreReply(last);
  return options.has('CH') ? added + changed : added;
}

function checkOptions(options: ReadonlySet<string>, pairs: number): void {
  if (options.has('NX') && options.has('XX'))
    throw new CommandError('ERR XX and NX options at the same time are not compatible');
  if (['NX', 'GT', 'LT'].filter((name) => options.has(name)).length > 1)
    throw new CommandError('ERR GT, LT, and/or NX options at the same time are not compatible');
  if (options.has('INCR') && pairs > 1)
    throw new CommandError('ERR INCR option supports a single increment-element pair');
}

function isAllowed(options: ReadonlySet<string>, before: number | undefined, score: number): boolean {
  if (before === undefined) return !options.has('XX');
  if (options.has('NX')) return false;
  if (options.has('GT') && score <= before) return false;
  return !(options.has('LT') && score >= before);
}

const pop = (highest: boolean) =>
  command(1, 2, ([key, count], context) => {
    const wanted = count === undefined ? 1 : integerOf(count);
    if (wanted < 0) throw new CommandError('ERR value is out of range, must be positive');
    const set = valueAt(context, key, 'zset');
    if (!set) return [];
    const entries = highest ? set.entries.toReversed() : [...set.entries];
    const taken = entries.slice(0, wanted);
    for (const { member } of taken) set.delete(member);
    dropEmpty(context, key);
    return count === undefined ? scored(taken).flat() : new PairsReply(scored(taken));
  });

const rank = (reverse: boolean) =>
  command(2, 3, ([key, member, withScore], context) => {
    if (withScore !== undefined && withScore.toUpperCase() !== 'WITHSCORE')
      throw new CommandError(SYNTAX_ERROR);
    const set = valueAt(context, key, 'zset');
    const place = set?.rank(member);
    if (!set || place === undefined) return null;
    const found = reverse ? set.length - 1 - place : place;
    return withScore === undefined ? found : [found, scoreReply(set.score(member))];
  });

/** The commands of sorted sets, without those of ranges. */
export const SORTED_SET_COMMANDS: CommandSet = {
  zadd: atLeast(3, add),
  zincrby: fixed(3, ([key, by, member], context) => {
    const step = floatOf(by);
    const score = (valueAt(context, key, 'zset')?.score(member) ?? 0) + step;
    if (Number.isNaN(score)) throw new CommandError('ERR resulting score is not a number (NaN)');
    valueFor(context, key, 'zset').add(member, score);
    return new DoubleReply(score);
  }),
  zrem: atLeast(2, ([key, ...members], context) => {
    const set = valueAt(context, key, 'zset');
    if (!set) return 0;
    const removed = members.filter((member) => set.delete(member)).length;
    dropEmpty(context, key);
    return removed;
  }),
  zcard: fixed(1, ([key], context) => valueAt(context, key, 'zset')?.length ?? 0),
  zscore: fixed(2, ([key, member], context) => scoreReply(valueAt(context, key, 'zset')?.score(member))),
  zmscore: atLeast(2, ([key, ...members], context) => {
    const set = valueAt(context, key, 'zset');
    return members.map((member) => scoreReply(set?.score(member)));
  }),
  zrank: rank(false),
  zrevrank: rank(true),
  zpopmin: pop(false),
  zpopmax: pop(true),
  zrandmember: command(1, 3, ([key, count, withScores], context): MemoryReply => {
    const set = valueAt(context, key, 'zset');
    const chosen = picks(set?.entries ?? [], count, context.random);
    if (count === undefined) return chosen[0]?.member ?? null;
    return withScores === undefined ? chosen.map(({ member }) => member) : new PairsReply(scored(chosen));
  }),
  zscan: elementScan('zset', (set: SortedSet) =>
    set.entries.map(({ member, score }) => [member, formatDouble(score)]),
  ),
};
