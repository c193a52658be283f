import { notInMemory } from '../command-parts/not-in-memory.js';
import { Stream, type StreamEntry } from '../keyspace/stream.js';
import {
  HIGHEST_ID,
  LOWEST_ID,
  formatId,
  isAfter,
  nextId,
  parseId,
  type StreamId,
} from '../keyspace/stream-id.js';
import {
  type CommandContext,
  type CommandSet,
  SYNTAX_ERROR,
  atLeast,
  fixed,
  valueAt,
  valueFor,
} from '../command-parts/command.js';
import { bigIntegerOf, integerOf } from '../command-parts/numbers.js';
import { OptionWords, optionsOf } from '../command-parts/option-words.js';
import { CommandError, type MemoryReply, NO_LIST, StreamsReply } from '../command-parts/reply.js';

const INVALID_ID = 'ERR Invalid stream ID specified as stream command argument';

function idOf(text: string, sequence: bigint): StreamId {
  const id = parseId(text, sequence);
  if (!id) throw new CommandError(INVALID_ID);
  return id;
}

const entryReply = ({ id, fields }: StreamEntry): MemoryReply => [formatId(id), [...fields]];

/** How many entries a stream may keep: the words of XADD and XTRIM. */
interface Trimming {
  readonly strategy: string;
  readonly threshold: string;
  readonly approximate: boolean;
}

function trimmingIn(strategy: string, words: OptionWords): Trimming {
  const approximate = words.skip('~');
  if (!approximate) words.skip('=');
  return { strategy, threshold: words.value(), approximate };
}

function trim(stream: Stream, { strategy, threshold, approximate }: Trimming): number {
  if (strategy === 'MINID') return stream.trim(stream.placeFrom(idOf(threshold, 0n), true), approximate);
  const most = integerOf(threshold);
  if (most < 0) throw new CommandError('ERR The MAXLEN argument must be >= 0.');
  return stream.trim(Math.max(0, stream.length - most), approximate);
}

/** Returns the id of a new entry of a stream. */
type NewId = (stream: Stream) => StreamId;

/** Reads the id of a new entry, which the server completes: `*`, or `1700000000000-*`. */
function newId(text: string, now: number): NewId {
  const present: StreamId = [BigInt(Math.floor(now)), 0n];
  if (text === '*') return ({ last }) => (isAfter(present, last) ? present : nextId(last));
  const isPartial = text.endsWith('-*');
  const given = idOf(isPartial ? text.slice(0, -2) : text, 0n);
  if (!isPartial && formatId(given) === '0-0')
    throw new CommandError('ERR The ID specified in XADD must be greater than 0-0');
  return ({ last }) => {
    const id = isPartial && given[0] === last[0] ? nextId(last) : given;
    if (isAfter(id, last)) return id;
    throw new CommandError(
      'ERR The ID specified in XADD is equal or smaller than the target stream top item',
    );
  };
}

function add(args: readonly string[], context: CommandContext): MemoryReply {
  const words = new OptionWords(args, 1);
  let [isKept, trimming] = [false, undefined as Trimming | undefined];
  for (let word = words.next(); ; word = words.next()) {
    if (word === 'NOMKSTREAM') isKept = true;
    else if (word === 'MAXLEN' || word === 'MINID') trimming = trimmingIn(word, words);
    else if (word === 'LIMIT') bigIntegerOf(words.value());
    else break;
  }
  words.back();
  const [id, ...fields] = words.rest();
  if (fields.length === 0 || fields.length % 2 !== 0)
    throw new CommandError("ERR wrong number of arguments for 'xadd' command");
  const idFor = newId(id, context.keyspace.now);
  const existing = valueAt(context, args[0], 'stream');
  if (!existing && isKept) return null;
  const added = idFor(existing ?? new Stream());
  const stream = valueFor(context, args[0], 'stream');
  stream.append(added, fields);
  if (trimming) trim(stream, trimming);
  return formatId(added);
}

/** Reads where a range begins or ends. Returns the place in a stream. */
function boundOf(text: string, isStart: boolean): (stream: Stream) => number {
  const isOpen = text.startsWith('(');
  const given = isOpen ? text.slice(1) : text;
  const id =
    given === '-' ? LOWEST_ID : given === '+' ? HIGHEST_ID : idOf(given, isStart ? 0n : HIGHEST_ID[1]);
  return (stream) => stream.placeFrom(id, isStart !== isOpen);
}

const range = (reverse: boolean) =>
  atLeast(3, (args, context) => {
    const [key, first, second] = args;
    const [from, to] = reverse ? [second, first] : [first, second];
    const [start, end] = [boundOf(from, true), boundOf(to, false)];
    const [count] = optionsOf(args, 3, { COUNT: 1 }).get('COUNT') ?? [];
    const most = count === undefined ? undefined : Math.max(0, integerOf(count));
    const stream = valueAt(context, key, 'stream');
    if (!stream) return [];
    if (most === 0) return NO_LIST;
    const found = stream.entries.slice(start(stream), end(stream));
    if (reverse) found.reverse();
    return found.slice(0, most).map(entryReply);
  });

/** XREAD without BLOCK, which would need a connection that waits. */
function read(args: readonly string[], context: CommandContext): MemoryReply {
  const at = args.findIndex((word) => word.toUpperCase() === 'STREAMS');
  const options = optionsOf(args.slice(0, Math.max(at, 0)), 0, { COUNT: 1, BLOCK: 1 });
  if (options.has('BLOCK')) throw notInMemory('xread block');
  const streams = args.slice(at + 1);
  if (at < 0 || streams.length % 2 !== 0) throw new CommandError(SYNTAX_ERROR);
  const [count] = options.get('COUNT') ?? [];
  const keys = streams.slice(0, streams.length / 2);
  const found = keys.flatMap((key, i): [string, MemoryReply][] => {
    const stream = valueAt(context, key, 'stream');
    const after = streams[keys.length + i];
    if (!stream || after === '$') return [];
    const place = stream.placeFrom(idOf(after, 0n), false);
    const entries = stream.entries.slice(place, count === undefined ? undefined : place + integerOf(count));
    return entries.length > 0 ? [[key, entries.map(entryReply)]] : [];
  });
  return found.length > 0 ? new StreamsReply(found) : NO_LIST;
}

export const STREAM_COMMANDS: CommandSet = {
  xadd: atLeast(4, add),
  xlen: fixed(1, ([key], context) => valueAt(context, key, 'stream')?.length ?? 0),
  xrange: range(false),
  xrevrange: range(true),
  xread: atLeast(3, read),
  xdel: atLeast(2, ([key, ...ids], context) => {
    const stream = valueAt(context, key, 'stream');
    if (!stream) return 0;
    const parsed = ids.map((id) => idOf(id, 0n));
    return parsed.filter((id) => stream.delete(id)).length;
  }),
  xtrim: atLeast(3, (args, context) => {
    const words = new OptionWords(args, 1);
    const strategy = words.next();
    if (strategy !== 'MAXLEN' && strategy !== 'MINID') throw new CommandError(SYNTAX_ERROR);
    const trimming = trimmingIn(strategy, words);
    const stream = valueAt(context, args[0], 'stream');
    return stream ? trim(stream, trimming) : 0;
  }),
};
