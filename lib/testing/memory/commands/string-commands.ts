import {
  type CommandContext,
  type CommandSet,
  atLeast,
  fixed,
  pairsOf,
  valueAt,
} from '../command-parts/command.js';
import {
  LOWEST,
  bigIntegerOf,
  floatOf,
  formatDouble,
  integerOf,
  rangeOf,
  sumOf,
} from '../command-parts/numbers.js';
import { optionsOf, refuseTogether } from '../command-parts/option-words.js';
import { CommandError, type MemoryReply, OK } from '../command-parts/reply.js';

const text = (context: CommandContext, key: string): string | undefined => valueAt(context, key, 'string');

/** Replaces a value, and ends or sets its expiry. */
function put({ keyspace }: CommandContext, key: string, value: string, at?: number): void {
  keyspace.delete(key);
  keyspace.set(key, value);
  if (at !== undefined) keyspace.expire(key, at);
}

/** The options that set an expiry, each with the milliseconds of its unit, and whether it counts from now. */
const EXPIRY_OPTIONS: Readonly<Record<string, readonly [unit: number, isRelative: boolean]>> = {
  EX: [1_000, true],
  PX: [1, true],
  EXAT: [1_000, false],
  PXAT: [1, false],
};

/** Returns the expiry that the options ask for, in milliseconds since 1970. */
function expiryIn(
  options: ReadonlyMap<string, readonly string[]>,
  { keyspace }: CommandContext,
  name: string,
): number | undefined {
  for (const [option, [unit, isRelative]] of Object.entries(EXPIRY_OPTIONS)) {
    const given = options.get(option);
    if (given) return momentOf(given[0], unit, isRelative ? keyspace.now : 0, name);
  }
  return undefined;
}

function momentOf(given: string, unit: number, from: number, name: string): number {
  const count = integerOf(given);
  if (count <= 0) throw new CommandError(`ERR invalid expire time in '${name}' command`);
  return count * unit + from;
}

function set(args: readonly string[], context: CommandContext): MemoryReply {
  const [key, value] = args;
  const options = optionsOf(args, 2, { NX: 0, XX: 0, GET: 0, KEEPTTL: 0, EX: 1, PX: 1, EXAT: 1, PXAT: 1 });
  refuseTogether(options, 'NX', 'XX');
  refuseTogether(options, 'KEEPTTL', ...Object.keys(EXPIRY_OPTIONS));
  const at = expiryIn(options, context, 'set');
  const before = options.has('GET') ? (text(context, key) ?? null) : undefined;
  const exists = context.keyspace.get(key) !== undefined;
  if ((options.has('NX') && exists) || (options.has('XX') && !exists)) return before ?? null;
  put(context, key, value, options.has('KEEPTTL') ? context.keyspace.expiryOf(key) : at);
  return before === undefined ? OK : before;
}

function increment(context: CommandContext, key: string, by: bigint): bigint {
  const sum = sumOf(bigIntegerOf(text(context, key) ?? '0'), by);
  context.keyspace.set(key, String(sum));
  return sum;
}

const setFor = (name: string, unit: number) =>
  fixed(3, ([key, time, value], context) => {
    put(context, key, value, momentOf(time, unit, context.keyspace.now, name));
    return OK;
  });

export const STRING_COMMANDS: CommandSet = {
  get: fixed(1, ([key], context) => text(context, key) ?? null),
  set: atLeast(2, set),
  setex: setFor('setex', 1_000),
  psetex: setFor('psetex', 1),
  setnx: fixed(2, ([key, value], context) => {
    if (context.keyspace.get(key) !== undefined) return 0;
    put(context, key, value);
    return 1;
  }),
  getset: fixed(2, ([key, value], context) => {
    const before = text(context, key) ?? null;
    put(context, key, value);
    return before;
  }),
  getdel: fixed(1, ([key], context) => {
    const before = text(context, key) ?? null;
    context.keyspace.delete(key);
    return before;
  }),
  getex: atLeast(1, (args, context) => {
    const [key] = args;
    const options = optionsOf(args, 1, { PERSIST: 0, EX: 1, PX: 1, EXAT: 1, PXAT: 1 });
    refuseTogether(options, 'PERSIST', ...Object.keys(EXPIRY_OPTIONS));
    const found = text(context, key);
    if (found === undefined) return null;
    if (options.size > 0) context.keyspace.expire(key, expiryIn(options, context, 'getex'));
    return found;
  }),
  mget: atLeast(1, (keys, { keyspace }) =>
    keys.map((key) => {
      const value = keyspace.get(key);
      return typeof value === 'string' ? value : null;
    }),
  ),
  mset: atLeast(2, (args, context) => {
    for (const [key, value] of pairsOf(args, 'mset')) put(context, key, value);
    return OK;
  }),
  msetnx: atLeast(2, (args, context) => {
    const pairs = pairsOf(args, 'msetnx');
    if (pairs.some(([key]) => context.keyspace.get(key) !== undefined)) return 0;
    for (const [key, value] of pairs) put(context, key, value);
    return 1;
  }),
  incr: fixed(1, ([key], context) => increment(context, key, 1n)),
  decr: fixed(1, ([key], context) => increment(context, key, -1n)),
  incrby: fixed(2, ([key, by], context) => increment(context, key, bigIntegerOf(by))),
  decrby: fixed(2, ([key, by], context) => {
    const step = bigIntegerOf(by);
    if (step === LOWEST) throw new CommandError('ERR decrement would overflow');
    return increment(context, key, -step);
  }),
  incrbyfloat: fixed(2, ([key, by], context) => {
    const sum = formatDouble(floatOf(text(context, key) ?? '0') + floatOf(by));
    context.keyspace.set(key, sum);
    return sum;
  }),
  append: fixed(2, ([key, more], context) => {
    const whole = (text(context, key) ?? '') + more;
    context.keyspace.set(key, whole);
    return whole.length;
  }),
  strlen: fixed(1, ([key], context) => (text(context, key) ?? '').length),
  getrange: fixed(3, ([key, from, to], context) => {
    const bounds = [integerOf(from), integerOf(to)] as const;
    const value = text(context, key) ?? '';
    const [start, end] = bounds;
    if (start < 0 && end < 0 && start > end) return '';
    // an end before the beginning counts as the beginning
    return value.slice(...rangeOf(start, end < -value.length ? 0 : end, value.length));
  }),
  setrange: fixed(3, ([key, offset, part], context) => {
    const at = integerOf(offset);
    if (at < 0) throw new CommandError('ERR offset is out of range');
    const before = text(context, key) ?? '';
    if (part === '') return before.length;
    const whole = before.padEnd(at, '\0').slice(0, at) + part + before.slice(at + part.length);
    context.keyspace.set(key, whole);
    return whole.length;
  }),
};
