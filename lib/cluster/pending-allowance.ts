import type { Command } from './command.js';
import { BackpressureError } from './errors.js';
import type { PendingBounds } from './options.js';

/**
 * Accounts for the commands that wait on behalf of one node, and refuses what is over its bounds, so that
 * a sick shard takes neither memory nor time from a healthy one.
 */
export class PendingAllowance {
  /** Commands that are queued, in flight, or waiting to be sent again. */
  commands = 0;
  /** Bytes of their arguments. */
  bytes = 0;
  /** No command accounted for has a deadline before this time. */
  earliestDeadline = Infinity;

  constructor(
    /** The node's name, for the error. */
    readonly name: string,
    private readonly bounds: PendingBounds,
  ) {}

  /** Takes a command on. Where the bounds forbid it the command fails with BackpressureError, and false comes back. */
  admit(command: Command): boolean {
    if (this.commands >= this.bounds.commands || this.exceeds(command.size)) {
      command.fail(new BackpressureError(this.name, this.commands, this.bytes));
      return false;
    }
    this.commands++;
    this.bytes += command.size;
    command.allowance = this;
    if (command.deadlineAt < this.earliestDeadline) this.earliestDeadline = command.deadlineAt;
    return true;
  }

  /** Lets go of a command, which is settled or goes elsewhere. */
  release(command: Command): void {
    this.commands--;
    this.bytes -= command.size;
    command.allowance = undefined;
  }

  /** One command over the bound has to be possible, or it never would be. */
  private exceeds(size: number): boolean {
    return this.commands > 0 && this.bytes + size > this.bounds.bytes;
  }
}
