import type { Keyspace } from '../keyspace/keyspace.js';
import type { Random } from '../keyspace/random.js';
import { EMPTY, type TypeName, type ValueTypes, sizeOf, typeOf } from '../keyspace/stored-value.js';
import { CommandError, type MemoryReply } from './reply.js';

/** What commands work on. */
export interface CommandContext {
  readonly keyspace: Keyspace;
  readonly random: Random;
}

/** A command of the store in memory. */
export interface MemoryCommand {
  /** How many arguments it takes, without its name. */
  readonly least: number;
  readonly most: number;
  readonly run: (args: readonly string[], context: CommandContext) => MemoryReply;
}

/** Commands by their names in lower case. */
export type CommandSet = Readonly<Record<string, MemoryCommand>>;

/** Describes a command that takes this many arguments, or at least so many. */
export const command = (least: number, most: number, run: MemoryCommand['run']): MemoryCommand => ({
  least,
  most,
  run,
});

/** A command with a fixed number of arguments. */
export const fixed = (count: number, run: MemoryCommand['run']): MemoryCommand => command(count, count, run);

/** A command with a number of arguments or more. */
export const atLeast = (least: number, run: MemoryCommand['run']): MemoryCommand =>
  command(least, Infinity, run);

export const SYNTAX_ERROR = 'ERR syntax error';

/** Returns the value of a key. @throws CommandError if it has another type. */
export function valueAt<T extends TypeName>(
  { keyspace }: CommandContext,
  key: string,
  type: T,
): ValueTypes[T] | undefined {
  const value = keyspace.get(key);
  if (value === undefined) return undefined;
  if (typeOf(value) !== type)
    throw new CommandError('WRONGTYPE Operation against a key holding the wrong kind of value');
  return value as ValueTypes[T];
}

/** Returns the value of a key, which is created if it is absent. @throws CommandError if it has another type. */
export function valueFor<T extends Exclude<TypeName, 'string'>>(
  context: CommandContext,
  key: string,
  type: T,
): ValueTypes[T] {
  const found = valueAt(context, key, type);
  if (found !== undefined) return found;
  const created = EMPTY[type]();
  context.keyspace.set(key, created);
  return created;
}

/** Deletes a key without elements: servers keep none, except streams. */
export function dropEmpty({ keyspace }: CommandContext, key: string): void {
  const value = keyspace.get(key);
  if (value !== undefined && sizeOf(value) === 0) keyspace.delete(key);
}

/** Replaces the value of a key. Its expiry ends. An empty value deletes the key. */
export function replace({ keyspace }: CommandContext, key: string, value: ValueTypes[TypeName]): void {
  keyspace.delete(key);
  if (typeof value === 'string' || sizeOf(value) > 0) keyspace.set(key, value);
}

/** Splits a list into pairs. @throws CommandError if one is incomplete. */
export function pairsOf(list: readonly string[], commandName: string): [string, string][] {
  if (list.length % 2 !== 0)
    throw new CommandError(`ERR wrong number of arguments for '${commandName}' command`);
  return Array.from({ length: list.length / 2 }, (_, i) => [list[2 * i], list[2 * i + 1]]);
}
