import { notInMemory } from '../command-parts/not-in-memory.js';
import { type CommandRow, CommandTable } from '../../../cluster/command-table/command-table.js';
import { keyIndexes } from '../../../cluster/command-table/command-keys.js';
import type { CommandContext, CommandSet, MemoryCommand } from '../command-parts/command.js';
import { CommandError, type MemoryReply } from '../command-parts/reply.js';

/** The errors for commands that no server has, and for a wrong number of arguments. */
export interface RefusalTexts {
  readonly unknown: (name: string) => string;
  readonly arguments: (name: string) => string;
}

/** What servers reply to clients. */
export const TEXTS_FOR_CLIENTS: RefusalTexts = {
  unknown: (name) => `ERR unknown command '${name}'`,
  arguments: (name) => `ERR wrong number of arguments for '${name}' command`,
};

/** What servers reply to scripts. */
export const TEXTS_FOR_SCRIPTS: RefusalTexts = {
  unknown: () => 'ERR Unknown Redis command called from script',
  arguments: () => 'ERR Wrong number of args calling Redis command from script',
};

/** Runs commands that a store in memory has, and refuses the others by name. */
export class CommandExecutor {
  private readonly table = new CommandTable();
  private readonly commands: ReadonlyMap<string, MemoryCommand>;

  constructor(
    private readonly context: CommandContext,
    commands: CommandSet,
    private readonly texts: RefusalTexts,
  ) {
    this.commands = new Map(Object.entries(commands));
  }

  /**
   * Runs a command.
   *
   * @param words its name and arguments.
   * @throws CommandError NOTINMEMORY for a command that only servers have.
   */
  run([name, ...args]: readonly string[], mayWrite = true): MemoryReply {
    const known = name.toLowerCase();
    const row = this.table.lookup(known, args);
    const { run } = this.commandOf(known, args, row);
    if (!row?.write) return run(args, this.context);
    if (!mayWrite) throw new CommandError('ERR Write commands are not allowed from read-only scripts.');
    const { keyspace } = this.context;
    const keys = keyIndexes(row, args).map((index) => args[index]);
    const present = keys.filter((key) => keyspace.get(key) !== undefined);
    const reply = run(args, this.context);
    if ((reply === 0 || reply === null) && leavesUnchanged(known, args)) return reply;
    for (const key of keys) if (present.includes(key) || keyspace.get(key) !== undefined) keyspace.touch(key);
    return reply;
  }

  /** Checks a command without running it. @throws CommandError as `run` does, before it begins. */
  check([name, ...args]: readonly string[]): void {
    const known = name.toLowerCase();
    this.commandOf(known, args, this.table.lookup(known, args));
  }

  private commandOf(name: string, args: readonly string[], row: CommandRow | undefined): MemoryCommand {
    const found = this.commands.get(name);
    if (!found) throw row ? notInMemory(name) : new CommandError(this.texts.unknown(name));
    if (args.length < found.least || args.length > found.most)
      throw new CommandError(this.texts.arguments(name));
    return found;
  }
}

/** Commands whose reply is 0, or nothing, if they have changed nothing. */
const UNCHANGING: ReadonlySet<string> = new Set([
  ...['sadd', 'srem', 'smove', 'hdel', 'hsetnx', 'setnx', 'msetnx', 'renamenx', 'copy', 'lrem', 'linsert'],
  ...['rpushx', 'lpushx', 'zrem', 'zremrangebyscore', 'zremrangebyrank', 'zremrangebylex', 'xdel', 'xtrim'],
  ...['expire', 'pexpire', 'expireat', 'pexpireat', 'persist'],
]);

/** Whether a reply of 0, or nothing, says that a command has changed nothing. */
const leavesUnchanged = (name: string, args: readonly string[]): boolean =>
  UNCHANGING.has(name) || (name === 'set' && !args.some((word) => word.toUpperCase() === 'GET'));
