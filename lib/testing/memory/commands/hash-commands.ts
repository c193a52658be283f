import {
  type CommandContext,
  type CommandSet,
  atLeast,
  command,
  dropEmpty,
  fixed,
  pairsOf,
  valueAt,
  valueFor,
} from '../command-parts/command.js';
import { elementScan } from '../command-parts/element-scan.js';
import { Hash } from '../keyspace/hash.js';
import { bigIntegerOf, floatOf, formatDouble, integerOf, sumOf } from '../command-parts/numbers.js';
import { picks } from '../command-parts/random-picks.js';
import { CommandError, MapReply, OK, PairsReply, type MemoryReply } from '../command-parts/reply.js';

const NONE = new Hash();
const hash = (context: CommandContext, key: string): Hash => valueAt(context, key, 'hash') ?? NONE;

function setFields(context: CommandContext, [key, ...rest]: readonly string[], name: string): number {
  const pairs = pairsOf(rest, name);
  const fields = valueFor(context, key, 'hash');
  const before = fields.size;
  for (const [field, value] of pairs) fields.set(field, value);
  return fields.size - before;
}

/** Reads the present value before the hash is created, so that a refusal leaves no empty hash. */
function incrementField(
  context: CommandContext,
  key: string,
  field: string,
  sum: (value: string) => string,
): string {
  const next = sum(hash(context, key).get(field) ?? '0');
  valueFor(context, key, 'hash').change(field, next);
  return next;
}

/** Returns the fields behind FIELDS and their number. @throws CommandError */
function namedFields([word, count, ...fields]: readonly string[]): readonly string[] {
  if (word?.toUpperCase() !== 'FIELDS')
    throw new CommandError('ERR Mandatory argument FIELDS is missing or not at the right position');
  if (Number(count) !== fields.length || fields.length === 0)
    throw new CommandError('ERR The `numfields` parameter must match the number of arguments');
  return fields;
}

/** Describes a command that replies a number for each of the fields it names: -2 for one that is absent. */
const ofFields = (
  least: number,
  run: (found: Hash, field: string, argument: string, context: CommandContext) => number,
) =>
  atLeast(least, ([key, ...args], context) => {
    const argument = least === 5 ? args[0] : '';
    const fields = namedFields(least === 5 ? args.slice(1) : args);
    const found = hash(context, key);
    const reply = fields.map((field) => (found.has(field) ? run(found, field, argument, context) : -2));
    dropEmpty(context, key);
    return reply;
  });

export const HASH_COMMANDS: CommandSet = {
  hget: fixed(2, ([key, field], context) => hash(context, key).get(field) ?? null),
  hmget: atLeast(2, ([key, ...fields], context) => {
    const found = hash(context, key);
    return fields.map((field) => found.get(field) ?? null);
  }),
  hgetall: fixed(1, ([key], context) => new MapReply([...hash(context, key)].flat())),
  hkeys: fixed(1, ([key], context) => [...hash(context, key).keys()]),
  hvals: fixed(1, ([key], context) => [...hash(context, key).values()]),
  hlen: fixed(1, ([key], context) => hash(context, key).size),
  hexists: fixed(2, ([key, field], context) => Number(hash(context, key).has(field))),
  hstrlen: fixed(2, ([key, field], context) => (hash(context, key).get(field) ?? '').length),
  hset: atLeast(3, (args, context) => setFields(context, args, 'hset')),
  hmset: atLeast(3, (args, context) => {
    setFields(context, args, 'hmset');
    return OK;
  }),
  hsetnx: fixed(3, ([key, field, value], context) => {
    if (hash(context, key).has(field)) return 0;
    valueFor(context, key, 'hash').set(field, value);
    return 1;
  }),
  hdel: atLeast(2, ([key, ...fields], context) => {
    const found = valueAt(context, key, 'hash');
    if (!found) return 0;
    const removed = fields.filter((field) => found.delete(field)).length;
    dropEmpty(context, key);
    return removed;
  }),
  hpexpire: ofFields(5, (found, field, ms, { keyspace }) => {
    const at = keyspace.now + integerOf(ms);
    if (at <= keyspace.now) {
      found.delete(field);
      return 2;
    }
    found.expire(field, at);
    return 1;
  }),
  hpttl: ofFields(4, (found, field, _, { keyspace }) => {
    const at = found.expiryOf(field);
    return at === undefined ? -1 : Math.ceil(at - keyspace.now);
  }),
  hpersist: ofFields(4, (found, field) => {
    const isExpiring = found.expiryOf(field) !== undefined;
    found.expire(field, undefined);
    return isExpiring ? 1 : -1;
  }),
  hincrby: fixed(3, ([key, field, by], context) => {
    const step = bigIntegerOf(by);
    return BigInt(
      incrementField(context, key, field, (value) =>
        String(sumOf(bigIntegerOf(value, 'ERR hash value is not an integer'), step)),
      ),
    );
  }),
  hincrbyfloat: fixed(3, ([key, field, by], context) => {
    const step = floatOf(by);
    return incrementField(context, key, field, (value) =>
      formatDouble(floatOf(value, 'ERR hash value is not a float') + step),
    );
  }),
  hrandfield: command(1, 3, ([key, count, withValues], context): MemoryReply => {
    const found = [...hash(context, key)];
    const chosen = picks(found, count, context.random);
    if (count === undefined) return chosen[0]?.[0] ?? null;
    return withValues === undefined ? chosen.map(([field]) => field) : new PairsReply(chosen);
  }),
  hscan: elementScan('hash', (value) => [...value]),
};
