import { BatchedCommand } from '../batch/batched-command.js';
import type { CallPolicy, CallShape } from '../command/call-policy.js';
import type { CommandNode } from '../command/command.js';
import { PromisedCommand } from '../command/promised-command.js';
import type { ResolvedCall } from '../command/resolved-call.js';
import type { Reply } from '../protocol/reply.js';
import type { RequestEncoder } from '../protocol/request-encoder.js';
import type { Fill } from './fill.js';
import { copyOfReply } from './kept-reply.js';

/** Keeps the reply of a read, in the form that the caller gets. */
export type Keep = (fill: Fill, value: unknown) => void;

/** A read whose reply may be kept. */
export class CachedRead extends PromisedCommand {
  constructor(
    call: ResolvedCall,
    policy: CallPolicy,
    shape: CallShape,
    resolve: (value: unknown) => void,
    private readonly fill: Fill,
    private readonly keep: Keep,
  ) {
    super(call, policy, shape, resolve);
  }

  override get replyCount(): number {
    return this.fill.replyCount;
  }

  override encode(encoder: RequestEncoder): void {
    this.fill.encode(encoder, this.call, this.asking);
  }

  override receive(reply: Reply, from: CommandNode): void {
    const value = this.fill.receive(reply, from);
    if (value !== undefined) super.receive(value, from);
  }

  protected override resolved(reply: Reply): void {
    try {
      const value = this.shaped(reply);
      this.keep(this.fill, value);
      this.resolve(value);
    } finally {
      this.fill.end();
    }
  }

  protected override rejected(error: Error): void {
    this.fill.end();
    super.rejected(error);
  }
}

/** A read of a pipeline whose reply may be kept. */
export class CachedBatchedRead extends BatchedCommand {
  constructor(
    call: ResolvedCall,
    shape: CallShape,
    policy: CallPolicy,
    private readonly fill: Fill,
    private readonly keep: Keep,
  ) {
    super(call, shape, policy);
  }

  override get replyCount(): number {
    return this.fill.replyCount;
  }

  override encode(encoder: RequestEncoder): void {
    this.fill.encode(encoder, this.call, this.asking);
  }

  override receive(reply: Reply, from: CommandNode): void {
    const value = this.fill.receive(reply, from);
    if (value !== undefined) super.receive(value, from);
  }

  protected override shaped(reply: Reply): unknown {
    const value = super.shaped(reply);
    this.keep(this.fill, value);
    this.fill.end();
    return copyOfReply(value);
  }

  protected override rejected(error: Error): void {
    this.fill.end();
    super.rejected(error);
  }
}
