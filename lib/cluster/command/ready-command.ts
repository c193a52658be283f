import { Command } from './command.js';
import { NO_SLOT } from '../topology/key-slot.js';
import { PLAIN_SHAPES, type CallPolicy } from './call-policy.js';
import { unknownCommandRow } from '../command-table/command-table.js';

const ROW = unknownCommandRow('ready', []);

/**
 * Holds the place of a call that needs more than its own request before it can be sent, such as a topology,
 * among those that wait until the client is connected. It is never sent itself.
 */
export class ReadyCommand extends Command {
  constructor(
    name: string,
    policy: CallPolicy,
    /** Called once commands can be sent, before any later call is dispatched. */
    private readonly start: () => void,
    private readonly reject: (error: Error) => void,
  ) {
    super({ row: ROW, name, args: [], slot: NO_SLOT, size: 0 }, PLAIN_SHAPES.strings, policy);
  }

  protected override get title(): string {
    return this.name.toUpperCase();
  }

  override resume(): void {
    this.succeed(null);
  }

  protected override resolved(): void {
    this.start();
  }

  protected override rejected(error: Error): void {
    this.reject(error);
  }
}
