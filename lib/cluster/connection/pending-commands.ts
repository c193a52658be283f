import type { Command } from '../command/command.js';

/** The commands of one channel that wait to be sent, oldest first. */
export class PendingCommands {
  private commands: Command[] = [];

  get length(): number {
    return this.commands.length;
  }

  push(command: Command): void {
    this.commands.push(command);
  }

  /** Removes and returns all of them, so that none is sent twice, whatever happens while they are sent. */
  takeAll(): Command[] {
    const { commands } = this;
    this.commands = [];
    return commands;
  }

  /** Puts back commands that could not be sent yet, before those that arrived meanwhile. */
  putBack(commands: readonly Command[]): void {
    if (commands.length > 0) this.commands = [...commands, ...this.commands];
  }

  /** Removes and returns the chosen ones. Drops those that are settled. */
  take(chosen: (command: Command) => boolean): Command[] {
    const each = this.commands.flatMap((command) => command.split());
    const waiting = each.filter((command) => !command.settled);
    const taken = waiting.filter(chosen);
    this.commands = waiting.filter((command) => !chosen(command));
    return taken;
  }

  /** Adds the length of a long turn of the event loop to the deadlines of these and others that were called in it. */
  extendDeadlines(turnBeganAt: number, ms: number, others: Iterable<Command>): void {
    for (const commands of [this.commands, others]) extendDeadlines(commands, turnBeganAt, ms);
  }

  /** Drops the commands that are settled. */
  dropSettled(): void {
    this.commands = this.commands.filter((command) => !command.settled);
  }

  *[Symbol.iterator](): Iterator<Command> {
    yield* this.commands;
  }
}

/** Adds the length of a long turn of the event loop to the deadlines of commands that were called in it. */
export function extendDeadlines(commands: Iterable<Command>, turnBeganAt: number, ms: number): void {
  for (const command of commands) {
    const { deadlineAt, policy } = command;
    // an older command was called before this turn; another deadline may be that of a batch
    if (Math.abs(deadlineAt - policy.deadlineMs - turnBeganAt) < 1) command.deadlineAt = deadlineAt + ms;
  }
}
