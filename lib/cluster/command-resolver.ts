import { refusalOf } from './command-table/blocked-commands.js';
import { CommandTable, unknownCommandRow, type CommandRow } from './command-table/command-table.js';
import { rowsFromCommandReply } from './command-table/command-reply.js';
import { resolveCall, type ResolvedCall } from './command/resolved-call.js';
import { BlockedCommandError } from './common/errors.js';
import type { ResolvedClusterOptions } from './options/options.js';
import type { Reply } from './protocol/reply.js';
import type { Argument } from './protocol/request-encoder.js';

/** Finds what a call means: the row of its command, its keys with their prefix, and its slot. */
export class CommandResolver {
  readonly table = new CommandTable();
  private learning: Promise<void> | undefined = undefined;
  private learned = false;

  /** @param askCommands runs COMMAND on any node */
  constructor(
    private readonly options: ResolvedClusterOptions,
    private readonly askCommands: (call: ResolvedCall) => Promise<unknown>,
  ) {}

  /** The command's row; for an unknown command, the row that its arguments suggest. */
  rowOf(name: string, args: readonly Argument[]): CommandRow {
    return this.table.lookup(name, args) ?? unknownCommandRow(name, args);
  }

  /** The servers may know a command that the table does not have. */
  mayLearn(name: string): boolean {
    return !this.learned && name !== '';
  }

  /** Reads the servers' commands, once, so that calls of modules are routed by their keys. Never rejects. */
  learn(): Promise<void> {
    return (this.learning ??= this.readCommands().finally(() => (this.learned = true)));
  }

  /**
   * Finds the slot of a call. Prefixes its keys, in place.
   * @param slot the slot of the keys, if the caller knows it
   * @throws BlockedCommandError, CrossSlotError, InvalidArgumentError
   */
  resolve(name: string, args: Argument[], slot?: number): ResolvedCall {
    return this.resolveRow(this.rowOf(name, args), name, args, slot);
  }

  /** As `resolve`, for a call whose row is known. */
  resolveRow(row: CommandRow, name: string, args: Argument[], slot?: number): ResolvedCall {
    this.refuseBlocked(row, false);
    return resolveCall(row, name, args, this.options.keyPrefix, slot);
  }

  /** As `resolve`, for a call to a named node. Allows commands that are blocked only because they need one. */
  resolveForNode(name: string, args: Argument[]): ResolvedCall {
    const row = this.rowOf(name, args);
    this.refuseBlocked(row, true);
    return resolveCall(row, name, args, this.options.keyPrefix);
  }

  private refuseBlocked(row: CommandRow, hasNode: boolean): void {
    const reason = refusalOf(row, this.options.allowBlocked, hasNode);
    if (reason !== undefined) throw new BlockedCommandError(row.name.toUpperCase(), reason);
  }

  private async readCommands(): Promise<void> {
    try {
      const reply = await this.askCommands(this.resolve('command', []));
      this.table.extend(rowsFromCommandReply(reply as Reply));
    } catch {
      // a user without the right to run COMMAND keeps the built-in table
    }
  }
}
