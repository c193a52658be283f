import type { Command } from './command.js';
import { BackpressureError } from '../common/errors.js';
import type { PendingBounds } from '../options/options.js';

/** A command is large that takes more than this part of the bytes that may wait. */
const LARGE = 1 / 2;

/**
 * Accounts for the commands that wait on behalf of one node, and refuses what is over its bounds, so that
 * a sick shard takes neither memory nor time from a healthy one.
 */
export class PendingBudget {
  /** Commands that are queued, in flight, or waiting to be sent again. */
  commands = 0;
  /** Bytes of their arguments, but for those of the large one. */
  bytes = 0;
  /** No command accounted for has a deadline before this time. */
  earliestDeadline = Infinity;

  private large: Command | undefined = undefined;

  constructor(
    /** The node's name, for the error. */
    readonly name: string,
    private readonly bounds: PendingBounds,
  ) {}

  /** Takes a command on. Where the bounds forbid it the command fails with BackpressureError, and false comes back. */
  admit(command: Command): boolean {
    if (this.commands >= this.bounds.commands || this.exceeds(command)) {
      command.fail(this.refusal());
      return false;
    }
    this.commands++;
    if (this.isLarge(command)) this.large = command;
    else this.bytes += command.size;
    command.budget = this;
    if (command.deadlineAt < this.earliestDeadline) this.earliestDeadline = command.deadlineAt;
    return true;
  }

  /** Lets go of a command, which is settled or goes elsewhere. */
  release(command: Command): void {
    this.commands--;
    if (command === this.large) this.large = undefined;
    else this.bytes -= command.size;
    command.budget = undefined;
  }

  /** Fails every one of these commands whose deadline has passed. They are all that the budget counts. */
  expire(now: number, ...lists: Iterable<Command>[]): void {
    let earliest = Infinity;
    for (const commands of lists) {
      for (const command of commands) {
        if (command.settled) continue;
        if (command.deadlineAt <= now) command.expire();
        else if (command.deadlineAt < earliest) earliest = command.deadlineAt;
      }
    }
    this.earliestDeadline = earliest;
  }

  /** Why a command finds no room. It has no stack trace: that would take longer than all else about the refusal. */
  private refusal(): BackpressureError {
    const bytes = this.bytes + (this.large?.size ?? 0);
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    const error = new BackpressureError(this.name, this.commands, bytes);
    Error.stackTraceLimit = limit;
    return error;
  }

  /** One large command at a time has room beside all others: it has to be possible, and must not keep out small ones. */
  private exceeds(command: Command): boolean {
    if (this.isLarge(command)) return this.large !== undefined;
    return this.bytes + command.size > this.bounds.bytes;
  }

  private isLarge(command: Command): boolean {
    return command.size > this.bounds.bytes * LARGE;
  }
}
