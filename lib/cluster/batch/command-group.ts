import { commandAt } from './batched-command.js';
import type { SentBatch } from './sent-batch.js';
import { Command, type CommandNode } from '../command/command.js';
import { ReplyError } from '../common/errors.js';
import type { Reply } from '../protocol/reply.js';
import type { RequestEncoder } from '../protocol/request-encoder.js';

/** A group has at most so many entries, and so many bytes of arguments: it is encoded as a whole. */
const MAX_ENTRIES = 500;
const MAX_BYTES = 32 * 1024;

/**
 * Entries of one batch that go to one node together. While nothing goes wrong they need no commands of their own, which
 * saves most of the work of a large batch. An entry that is refused, or whose reply is lost, becomes a command.
 */
export class CommandGroup extends Command {
  declare private readonly batch: SentBatch;
  declare private readonly places: number[];
  /** How many entries have a reply. */
  declare private received: number;
  /** How many entries have become commands, and how many bytes of arguments the others have. */
  declare private separated: number;
  declare private bytes: number;

  constructor(batch: SentBatch, first: number) {
    const { call, shape } = batch.entries[first];
    super(call, shape, batch.policy);
    this.batch = batch;
    this.places = [first];
    this.received = 0;
    this.separated = 0;
    this.bytes = call.size;
  }

  /** Adds an entry. False if the group is full, or its replies have another form. */
  add(place: number): boolean {
    const { call, shape } = this.batch.entries[place];
    const { size } = call;
    const isFull = this.places.length === MAX_ENTRIES || this.bytes + size > MAX_BYTES;
    if (isFull || shape !== this.shape) return false;
    this.places.push(place);
    this.bytes += size;
    return true;
  }

  override get weight(): number {
    return this.places.length - this.separated;
  }

  override get size(): number {
    return this.bytes;
  }

  override get replyCount(): number {
    return this.places.length;
  }

  override get slots(): Iterable<number> {
    return this.unanswered.map((place) => this.batch.entries[place].call.slot);
  }

  override get repeatable(): boolean {
    return this.unanswered.every((place) => commandAt(this.batch, place).repeatable);
  }

  override split(): readonly Command[] {
    const commands = this.unanswered.map((_, i) => this.separate(this.received + i));
    if (!this.settled) this.settle();
    return commands;
  }

  override encode(encoder: RequestEncoder): void {
    const { places } = this;
    const { entries } = this.batch;
    for (let i = 0; i < places.length; i++) {
      const { name, args } = entries[places[i]].call;
      encoder.append(name, args);
    }
  }

  override receive(reply: Reply, from: CommandNode): void {
    const index = this.received++;
    if (this.settled) return;
    if (typeof reply === 'object' && reply instanceof ReplyError) this.refused(index, reply, from);
    else if (this.shape.transform === undefined) this.batch.replied(this.places[index], reply);
    else this.separate(index).succeed(reply, from);
    if (this.received < this.places.length) return;
    this.settle();
    this.reportEnd();
  }

  override lost(error: Error, from: CommandNode): void {
    this.endWith((command) => command.lost(error, from));
  }

  override fail(error: Error): void {
    this.endWith((command) => command.fail(error));
  }

  override expire(): void {
    this.endWith((command) => command.expire());
  }

  protected override resolved(): void {}

  protected override rejected(): void {}

  /** The places of the entries without a reply. */
  private get unanswered(): readonly number[] {
    return this.settled ? [] : this.places.slice(this.received);
  }

  private refused(index: number, reply: ReplyError, from: CommandNode): void {
    const command = this.separate(index);
    try {
      from.router.refused(command, reply, from);
    } catch (error) {
      command.fail(error as Error);
    }
  }

  private endWith(treat: (command: Command) => void): void {
    if (this.settled) return;
    for (const command of this.split()) treat(command);
    this.reportEnd();
  }

  /** Tells the batch that the entries have replies which did not become commands. */
  private reportEnd(): void {
    if (this.weight > 0) this.batch.ended(this.weight, this.bytes);
  }

  /** Makes a command of an entry. It takes over its share of the limits. */
  private separate(index: number): Command {
    const command = commandAt(this.batch, this.places[index]);
    command.order = this.order + index;
    command.budget = this.budget;
    command.counters = this.counters;
    command.deadlineAt = this.deadlineAt;
    command.sent = this.sent;
    command.lastError = this.lastError;
    this.separated++;
    this.bytes -= command.size;
    return command;
  }
}
