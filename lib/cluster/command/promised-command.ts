import { Command, type CommandNode } from './command.js';
import { thrownToCaller } from '../diagnostics/caller-stack.js';
import { type CallPolicy, type CallShape } from './call-policy.js';
import type { Reply } from '../protocol/reply.js';
import type { ResolvedCall } from './resolved-call.js';

/** A command whose caller waits for a promise. An error, too, goes to `resolve`: as a promise that rejects. */
export class PromisedCommand extends Command {
  declare protected readonly resolve: (value: unknown) => void;

  constructor(call: ResolvedCall, policy: CallPolicy, shape: CallShape, resolve: (value: unknown) => void) {
    super(call, shape, policy);
    this.resolve = resolve;
  }

  protected override resolved(reply: Reply): void {
    this.resolve(this.shaped(reply));
  }

  protected override rejected(error: Error): void {
    this.resolve(thrownToCaller(error));
  }
}

/** One request of a call that makes several. */
export class PartialCommand extends PromisedCommand {
  override get waitsForRoom(): boolean {
    return true;
  }
}

/** A reply, and the name of the node that sent it. */
export interface ReplyWithNode {
  readonly reply: unknown;
  readonly node: string;
}

/** A command that also returns the name of the node that replied. */
export class CommandWithNode extends PromisedCommand {
  private from = '';

  override receive(reply: Reply, from: CommandNode): void {
    this.from = from.name;
    super.receive(reply, from);
  }

  protected override resolved(reply: Reply): void {
    const answer: ReplyWithNode = { reply: this.shaped(reply), node: this.from };
    this.resolve(answer);
  }
}
