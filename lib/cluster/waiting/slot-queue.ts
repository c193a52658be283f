import type { Command } from '../command/command.js';
import { clearTimeout } from '../common/timers.js';
import type { NodeChannel } from '../connection/node-channel.js';
import { NO_SLOT } from '../topology/key-slot.js';

/** Commands that wait together, to be sent in the order of the calls: those of a slot, or one without an order. */
export class SlotQueue {
  /** Runs until the next attempt. */
  timer: NodeJS.Timeout | undefined = undefined;
  /** What comes later has to wait behind them. */
  blocked = false;
  /** The node that refused one of them for the moment. */
  refusedBy: NodeChannel | undefined = undefined;
  /** The earliest, while it is sent before the others; see `RetryQueue.sendAhead`. */
  ahead: Command | undefined = undefined;
  /** Former nodes of the slot that still owe replies for it; nothing is sent while there are any. */
  handOvers = 0;
  /** In the order in which they came, or came back: an earlier call may have been redirected more often. */
  private commands: Command[] = [];

  /** Adds a command, which may be the one that was sent ahead. */
  add(command: Command): void {
    if (this.ahead === command) this.ahead = undefined;
    this.commands.push(command);
  }

  /** Removes and returns the commands, in the order of the calls. */
  takeAll(): Command[] {
    const { commands } = this;
    this.commands = [];
    return commands.sort((one, other) => one.order - other.order);
  }

  stopTimer(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }
}

/** What is for one node only, or for any, has no order to keep with others; nor has a read from a replica. */
export function isOrdered({ pinned, row, policy, slot }: Command): boolean {
  const fromReplica = row.readonly && policy.readFrom !== 'primary';
  return pinned === undefined && slot !== NO_SLOT && !fromReplica;
}

/** Names the queue of a command: its slot, or itself if it has no order to keep. */
export function queueOf(command: Command): number | Command {
  return isOrdered(command) ? command.slot : command;
}
