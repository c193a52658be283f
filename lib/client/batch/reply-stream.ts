import { batchWindow } from '../../cluster/batch/batch-window.js';
import type { BatchEntry, SentBatch } from '../../cluster/batch/sent-batch.js';
import { commandAt } from '../../cluster/batch/batched-command.js';
import type { CallPolicy } from '../../cluster/command/call-policy.js';
import type { Command } from '../../cluster/command/command.js';
import { checkOptionNames } from '../../cluster/common/check-option-names.js';
import { describeValue } from '../../cluster/common/describe-value.js';
import { InvalidArgumentError } from '../../cluster/common/errors.js';
import type { PendingBounds } from '../../cluster/options/options.js';

/** Options of `replies()` of a pipeline. */
export interface RepliesOptions {
  /**
   * How many commands are sent ahead of the reply that you take next, and so how many replies are in memory at
   * most. Default 1,000. The limits of the node's queue (`maxPendingPerNode`) may lower it.
   */
  ahead?: number | undefined;
}

/** What is sent ahead unless the caller says otherwise: 10 MB of values of 10 KB. */
const DEFAULT_AHEAD = 1_000;

/** @throws InvalidArgumentError for an unknown option or an invalid value */
export function checkAhead(options: RepliesOptions): number {
  checkOptionNames('replies()', options, ['ahead']);
  const { ahead = DEFAULT_AHEAD } = options;
  if (typeof ahead !== 'number' || !Number.isInteger(ahead) || ahead < 1) {
    throw new InvalidArgumentError(
      'ahead',
      `ahead must be a whole number of at least 1, got ${describeValue(ahead)}`,
    );
  }
  return ahead;
}

/** What a stream needs from the engine. */
export interface ReplyStreamEngine {
  readonly options: { readonly maxPendingPerNode: PendingBounds };
  submit(command: Command): void;
}

/**
 * The replies of commands, to be taken one by one in call order. Commands are sent only some way ahead of the
 * reply taken last, and a reply that has been taken is not kept. Each command has a deadline of its own, which
 * begins when the command is sent.
 */
export class ReplyStream implements SentBatch {
  private readonly window: PendingBounds;
  /** The replies, and the errors among them, that have not been taken, by their place. */
  private readonly found = new Map<number, unknown>();
  /** The next entry to send, and that whose reply is taken next. */
  private toSend = 0;
  private toTake = 0;
  private bytesInFlight = 0;
  private wake: (() => void) | undefined = undefined;

  constructor(
    readonly entries: readonly BatchEntry[],
    readonly policy: CallPolicy,
    ahead: number,
    private readonly engine: ReplyStreamEngine,
  ) {
    const { commands: most, bytes } = batchWindow(engine.options.maxPendingPerNode);
    this.window = { commands: Math.min(ahead, most), bytes };
  }

  /** How many replies have not been taken. */
  get left(): number {
    return this.entries.length - this.toTake;
  }

  /** Whether the next reply has come. Sends more commands when few are left on their way. */
  get hasNext(): boolean {
    if (this.toSend - this.toTake <= this.window.commands / 2) this.sendAhead();
    return this.found.has(this.toTake);
  }

  /** Resolves when the next reply has come. */
  untilNext(): Promise<void> {
    return new Promise((resolve) => (this.wake = resolve));
  }

  /** Returns the next reply, or its error, and forgets it. */
  take(): unknown {
    const reply = this.found.get(this.toTake);
    this.found.delete(this.toTake++);
    return reply;
  }

  replied(place: number, reply: unknown): void {
    this.found.set(place, reply);
    if (this.wake === undefined || place !== this.toTake) return;
    this.wake();
    this.wake = undefined;
  }

  failed(place: number, error: Error): void {
    this.replied(place, error);
  }

  ended(_: number, bytes: number): void {
    this.bytesInFlight -= bytes;
  }

  /** The commands share no deadline: how long the caller takes between two replies must not fail the next. */
  limit(): void {}

  private sendAhead(): void {
    const end = Math.min(this.entries.length, this.toTake + this.window.commands);
    // that whose reply is taken next is sent in any case
    while (this.toSend < end && (this.bytesInFlight < this.window.bytes || this.toSend === this.toTake)) {
      const command = commandAt(this, this.toSend++);
      this.bytesInFlight += command.size;
      this.engine.submit(command);
    }
  }
}
