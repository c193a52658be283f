import { createHash } from 'node:crypto';
import { SLOT_COUNT } from '../../../cluster/topology/key-slot.js';
import type { MemoryCommand } from '../command-parts/command.js';
import { DATA_COMMANDS } from '../commands/command-table.js';
import { CommandError, type MemoryReply } from '../command-parts/reply.js';
import { libraryOf, textArgument } from '../libraries/library.js';
import { tableOf, toLua } from './script-replies.js';
import { asText, formatShortest } from '../lua/conversions.js';
import { type LuaTable, LuaError, type LuaFunction, type LuaValue } from '../lua/lua-value.js';

/** Runs a command of a script: its name and arguments. @throws CommandError */
export type CallOfScript = (words: readonly string[]) => MemoryReply;

/** Returns the arguments of a call as text. */
function wordsOf(values: readonly LuaValue[]): string[] {
  if (values.length === 0) throw replyError('Please specify at least one argument for this redis lib call');
  return values.map((value) => {
    const word = typeof value === 'number' ? numberWord(value) : asText(value);
    if (word === undefined) throw replyError('Lua redis lib command arguments must be strings or integers');
    return word;
  });
}

/** The numbers of slots, which scripts pass one by one: making text of a number takes as long as a command. */
const SMALL_NUMBERS = Array.from({ length: SLOT_COUNT }, (_, number) => String(number));

const numberWord = (value: number): string =>
  SMALL_NUMBERS[value] ?? (Number.isSafeInteger(value) ? String(value) : formatShortest(value, 17));

/** Returns the library by which scripts reach the server. */
export function redisLibrary(call: CallOfScript): LuaTable {
  const protectedCall: LuaFunction = (...values) => {
    const words = wordsOf(values);
    try {
      return [toLua(call(words))];
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      return [toLua(error)];
    }
  };
  const nothing: LuaFunction = () => [];
  return libraryOf({
    acl_check_cmd: (name, ...args) => {
      checkCommand(textArgument(name, 1), args.length);
      return [true];
    },
    call: (...values) => {
      const words = wordsOf(values);
      try {
        return [toLua(call(words))];
      } catch (error) {
        throw error instanceof CommandError ? new LuaError(toLua(error)) : error;
      }
    },
    error_reply: (value) => [tableOf('err', errorText(textArgument(value, 1)))],
    log: nothing,
    LOG_DEBUG: 0,
    LOG_NOTICE: 2,
    LOG_VERBOSE: 1,
    LOG_WARNING: 3,
    pcall: protectedCall,
    replicate_commands: () => [true],
    set_repl: nothing,
    setresp: (version) => {
      if (version !== 2) throw new LuaError('the store in memory has scripts with RESP2 only');
      return [];
    },
    sha1hex: (value) => [createHash('sha1').update(textArgument(value, 1), 'latin1').digest('hex')],
    status_reply: (value) => [tableOf('ok', textArgument(value, 1))],
  });
}

/** Everybody may run every command. As on Redis 8.6, it must exist, and take that many arguments. */
function checkCommand(name: string, count: number): void {
  const known = DATA_COMMANDS[name.toLowerCase()] as MemoryCommand | undefined;
  if (known === undefined) throw replyError('Invalid command passed to redis.acl_check_cmd()');
  if (count < known.least || count > known.most)
    throw replyError('Wrong number of args for redis.acl_check_cmd()');
}

/** Returns what a script throws as the text of a reply, without the place in the script. */
const replyError = (text: string): LuaError => new LuaError(tableOf('err', `ERR ${text}`));

/** An error without a code gets the general one. */
function errorText(text: string): string {
  const plain = text.replace(/^-/, '');
  return plain.includes(' ') ? plain : `ERR ${plain}`;
}
