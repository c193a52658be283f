import type { CallShape } from './cluster-engine.js';
import { Command, type CallPolicy } from './command.js';
import { isIdempotent } from './command-table.js';
import type { NodeChannel } from './node-channel.js';
import type { Reply } from './reply.js';
import type { ResolvedCall } from './resolved-call.js';

/** A command whose caller holds a promise. */
export class PromisedCommand extends Command {
  constructor(
    call: ResolvedCall,
    policy: CallPolicy,
    private readonly shape: CallShape,
    private readonly resolve: (value: unknown) => void,
    private readonly reject: (error: Error) => void,
  ) {
    super(call.row, call.name, call.args, call.slot, shape.buffers, policy, call.size);
  }

  override get idempotent(): boolean {
    return isIdempotent(this.row, this.args);
  }

  protected override resolved(reply: Reply): void {
    const { transform } = this.shape;
    this.resolve(transform === undefined ? reply : transform(reply));
  }

  protected override rejected(error: Error): void {
    this.reject(error);
  }
}

/** As its parent, and tells which node it was that answered. */
export class TellingCommand extends PromisedCommand {
  private from = '';

  constructor(
    call: ResolvedCall,
    policy: CallPolicy,
    shape: CallShape,
    resolve: (told: { reply: unknown; node: string }) => void,
    reject: (error: Error) => void,
  ) {
    super(call, policy, shape, (reply) => resolve({ reply, node: this.from }), reject);
  }

  override receive(reply: Reply, from: NodeChannel): void {
    this.from = from.name;
    super.receive(reply, from);
  }
}
