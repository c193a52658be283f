import type { BatchEntry, SentBatch } from './sent-batch.js';
import type { CallPolicy, CallShape } from '../command/call-policy.js';
import { Command } from '../command/command.js';
import type { ResolvedCall } from '../command/resolved-call.js';
import type { Reply } from '../protocol/reply.js';

/** A command of a batch. */
export class BatchedCommand extends Command implements BatchEntry {
  declare private batch: SentBatch | undefined;
  declare private place: number;

  constructor(call: ResolvedCall, shape: CallShape, policy: CallPolicy) {
    super(call, shape, policy);
    this.batch = undefined;
    this.place = 0;
  }

  /** Sets the batch that takes its result. */
  belongTo(batch: SentBatch, place: number): void {
    this.policy = batch.policy;
    this.batch = batch;
    this.place = place;
  }

  override get waitsForRoom(): boolean {
    return true;
  }

  override expire(): void {
    this.batch?.limit();
    super.expire();
  }

  protected override resolved(reply: Reply): void {
    this.batch?.replied(this.place, this.shaped(reply));
    this.ended();
  }

  protected override rejected(error: Error): void {
    this.batch?.failed(this.place, error);
    this.ended();
  }

  private ended(): void {
    // its own call may have got the text of a script since
    this.batch?.ended(1, this.batch.entries[this.place].call.size);
  }
}

/** Returns the command of an entry, which is the entry itself if it is one. */
export function commandAt(batch: SentBatch, place: number): BatchedCommand {
  const entry = batch.entries[place];
  const isCommand = entry instanceof BatchedCommand;
  const command = isCommand ? entry : new BatchedCommand(entry.call, entry.shape, batch.policy);
  command.belongTo(batch, place);
  return command;
}
