import { notInMemory } from '../command-parts/not-in-memory.js';
import { bytesOf, copyOf, typeOf } from '../keyspace/stored-value.js';
import { type CommandContext, type CommandSet, atLeast, command, fixed } from '../command-parts/command.js';
import { globExpression } from '../command-parts/glob.js';
import { integerOf } from '../command-parts/numbers.js';
import { optionsOf } from '../command-parts/option-words.js';
import { CommandError, OK, StatusReply, type MemoryReply } from '../command-parts/reply.js';

const countWhere = (keys: readonly string[], test: (key: string) => boolean): number =>
  keys.filter(test).length;

/** Sets an expiry at a time in milliseconds, under the conditions NX, XX, GT and LT. */
function expireAt(
  { keyspace }: CommandContext,
  [key, , ...words]: readonly string[],
  at: number,
  name: string,
): number {
  const options = optionsOf(words, 0, { NX: 0, XX: 0, GT: 0, LT: 0 });
  if (options.has('NX') && options.size > 1)
    throw new CommandError('ERR NX and XX, GT or LT options at the same time are not compatible');
  if (options.has('GT') && options.has('LT'))
    throw new CommandError('ERR GT and LT options at the same time are not compatible');
  if (!Number.isSafeInteger(at)) throw new CommandError(`ERR invalid expire time in '${name}' command`);
  if (keyspace.get(key) === undefined) return 0;
  const before = keyspace.expiryOf(key);
  if (options.has('NX') && before !== undefined) return 0;
  if (options.has('XX') && before === undefined) return 0;
  if (options.has('GT') && at <= (before ?? Infinity)) return 0;
  if (options.has('LT') && at >= (before ?? Infinity)) return 0;
  keyspace.expire(key, at);
  return 1;
}

/** Describes the four commands that set an expiry, and the four that read it. */
const expiries = (name: string, unit: number, isRelative: boolean) =>
  atLeast(2, (args, context) => {
    const at = integerOf(args[1]) * unit + (isRelative ? context.keyspace.now : 0);
    return expireAt(context, args, at, name);
  });

const expiryReads = (unit: number, isRelative: boolean) =>
  fixed(1, ([key], { keyspace }) => {
    if (keyspace.get(key) === undefined) return -2;
    const at = keyspace.expiryOf(key);
    if (at === undefined) return -1;
    // servers round the seconds that are left, and cut those since 1970
    return isRelative ? Math.floor((at - keyspace.now + unit / 2) / unit) : Math.floor(at / unit);
  });

function rename({ keyspace }: CommandContext, from: string, to: string, onlyNew: boolean): MemoryReply {
  const value = keyspace.get(from);
  if (value === undefined) throw new CommandError('ERR no such key');
  if (onlyNew && keyspace.get(to) !== undefined) return 0;
  const at = keyspace.expiryOf(from);
  keyspace.delete(from);
  keyspace.delete(to);
  keyspace.set(to, value);
  keyspace.expire(to, at);
  return onlyNew ? 1 : OK;
}

const deleteKeys = atLeast(1, (keys, { keyspace }) => countWhere(keys, (key) => keyspace.delete(key)));

export const KEY_COMMANDS: CommandSet = {
  exists: atLeast(1, (keys, { keyspace }) => countWhere(keys, (key) => keyspace.get(key) !== undefined)),
  touch: atLeast(1, (keys, { keyspace }) => countWhere(keys, (key) => keyspace.get(key) !== undefined)),
  del: deleteKeys,
  unlink: deleteKeys,
  type: fixed(1, ([key], { keyspace }) => {
    const value = keyspace.get(key);
    return new StatusReply(value === undefined ? 'none' : typeOf(value));
  }),
  expire: expiries('expire', 1_000, true),
  pexpire: expiries('pexpire', 1, true),
  expireat: expiries('expireat', 1_000, false),
  pexpireat: expiries('pexpireat', 1, false),
  ttl: expiryReads(1_000, true),
  pttl: expiryReads(1, true),
  expiretime: expiryReads(1_000, false),
  pexpiretime: expiryReads(1, false),
  persist: fixed(1, ([key], { keyspace }) => {
    if (keyspace.expiryOf(key) === undefined) return 0;
    keyspace.expire(key, undefined);
    return 1;
  }),
  rename: fixed(2, ([from, to], context) => rename(context, from, to, false)),
  renamenx: fixed(2, ([from, to], context) => rename(context, from, to, true)),
  copy: atLeast(2, (args, { keyspace }) => {
    const [from, to] = args;
    const options = optionsOf(args, 2, { REPLACE: 0 });
    if (from === to) throw new CommandError('ERR source and destination objects are the same');
    const value = keyspace.get(from);
    if (value === undefined || (keyspace.get(to) !== undefined && !options.has('REPLACE'))) return 0;
    keyspace.delete(to);
    keyspace.set(to, copyOf(value));
    keyspace.expire(to, keyspace.expiryOf(from));
    return 1;
  }),
  keys: fixed(1, ([glob], { keyspace }) => {
    const expression = globExpression(glob);
    return keyspace.keys().filter((key) => expression.test(key));
  }),
  scan: atLeast(1, (args, { keyspace }) => {
    // all keys in one page, which is what COUNT allows
    const options = optionsOf(args, 1, { MATCH: 1, COUNT: 1, TYPE: 1 });
    const [glob] = options.get('MATCH') ?? [];
    const [type] = options.get('TYPE') ?? [];
    const expression = glob === undefined ? undefined : globExpression(glob);
    const found = keyspace
      .keys()
      .filter((key) => expression?.test(key) ?? true)
      .filter((key) => type === undefined || typeOf(keyspace.get(key)!) === type.toLowerCase());
    return ['0', found];
  }),
  dbsize: fixed(0, (_, { keyspace }) => keyspace.size),
  randomkey: fixed(0, (_, { keyspace, random }) => {
    const keys = keyspace.keys();
    return keys[Math.floor(random() * keys.length)] ?? null;
  }),
  flushall: command(0, 1, (_, { keyspace }) => {
    keyspace.clear();
    return OK;
  }),
  flushdb: command(0, 1, (_, { keyspace }) => {
    keyspace.clear();
    return OK;
  }),
  memory: atLeast(2, (args, { keyspace }) => {
    const [subcommand, key] = args;
    if (subcommand.toUpperCase() !== 'USAGE') throw notInMemory(`memory ${subcommand}`);
    optionsOf(args, 2, { SAMPLES: 1 });
    const value = keyspace.get(key);
    return value === undefined ? null : 64 + key.length + bytesOf(value);
  }),
};
