import { Command, type CallPolicy, type ReplyTransform } from './command.js';
import { isIdempotent } from './command-table.js';
import { DeadlineExceededError } from './errors.js';
import type { PendingBounds } from './options.js';
import type { Reply } from './reply.js';
import type { ResolvedCall } from './resolved-call.js';

/** Commands of one batch that are under way at once; the others wait here rather than in sockets. */
const WINDOW = 10_000;
/** Bytes of their arguments, for the same reason. */
const WINDOW_BYTES = 16 * 1024 * 1024;
/** A batch takes this part of what may wait for one node at most, so that it is not refused for its own sake. */
const SHARE = 1 / 2;

/** What a batch needs of the engine. */
export interface BatchEngine {
  readonly options: { readonly maxPendingPerNode: PendingBounds };
  submit(command: Command): void;
}

/** One entry of a batch. */
export interface BatchEntry {
  readonly call: ResolvedCall;
  readonly buffers: boolean;
  readonly transform: ReplyTransform | undefined;
}

/** What became of one entry: an error or null, and the reply. */
export type BatchResult = [error: Error | null, reply: unknown];

/**
 * Commands that are sent together, whichever nodes they go to. Each is redirected or sent again by itself;
 * the one promise resolves, always, when all have an answer.
 *
 * A deadline that was given for these calls is that of the whole. Any other is that of each window, so that a batch is
 * not refused for its length; once a command has reached it, all the rest together have as long again, and no longer.
 */
export class Batch {
  readonly done: Promise<BatchResult[]>;
  private readonly results: BatchResult[];
  private readonly window: number;
  private readonly windowBytes: number;
  private next = 0;
  private underWay = 0;
  private bytesUnderWay = 0;
  /** When what has not been sent by then is given up; milliseconds of `performance.now()`. */
  private giveUpAt = Infinity;
  private finish!: (results: BatchResult[]) => void;

  constructor(
    private readonly entries: readonly BatchEntry[],
    private readonly policy: CallPolicy,
    private readonly engine: BatchEngine,
  ) {
    const { commands, bytes } = engine.options.maxPendingPerNode;
    this.window = Math.max(1, Math.min(WINDOW, Math.floor(commands * SHARE)));
    this.windowBytes = Math.min(WINDOW_BYTES, bytes * SHARE);
    this.results = new Array<BatchResult>(entries.length);
    this.done = new Promise((resolve) => (this.finish = resolve));
  }

  /** Sends the batch, a window of it at a time. */
  start(): Promise<BatchResult[]> {
    if (this.policy.deadlineOfBatch) this.limit();
    if (this.entries.length === 0) this.finish([]);
    else this.advance();
    return this.done;
  }

  settle(index: number, result: BatchResult): void {
    this.results[index] = result;
    this.underWay--;
    this.bytesUnderWay -= this.entries[index].call.size;
    if (this.next < this.entries.length) {
      if (this.underWay <= this.window / 2 && this.bytesUnderWay <= this.windowBytes / 2) this.advance();
    } else if (this.underWay === 0) this.finish(this.results);
  }

  /** From now on the rest has one deadline. */
  limit(): void {
    if (this.giveUpAt === Infinity) this.giveUpAt = performance.now() + this.policy.deadlineMs;
  }

  private advance(): void {
    if (performance.now() >= this.giveUpAt) return this.giveUp();
    // counted first, as a command may be answered before `submit` returns
    const start = this.next;
    while (
      this.next < this.entries.length &&
      this.underWay < this.window &&
      this.bytesUnderWay < this.windowBytes
    ) {
      this.bytesUnderWay += this.entries[this.next++].call.size;
      this.underWay++;
    }
    const end = this.next;
    for (let index = start; index < end; index++) {
      const command = new BatchedCommand(this, index, this.entries[index], this.policy);
      command.deadlineAt = this.giveUpAt;
      this.engine.submit(command);
    }
  }

  /** Nothing more is sent. */
  private giveUp(): void {
    const error = new DeadlineExceededError('The rest of the batch', this.policy.deadlineMs);
    while (this.next < this.entries.length) this.results[this.next++] = [error, undefined];
    if (this.underWay === 0) this.finish(this.results);
  }
}

class BatchedCommand extends Command {
  private readonly transform: ReplyTransform | undefined;

  constructor(
    private readonly batch: Batch,
    private readonly index: number,
    { call, buffers, transform }: BatchEntry,
    policy: CallPolicy,
  ) {
    super(call.row, call.name, call.args, call.slot, buffers, policy, call.size);
    this.transform = transform;
  }

  override get idempotent(): boolean {
    return isIdempotent(this.row, this.args);
  }

  override expire(): void {
    this.batch.limit();
    super.expire();
  }

  protected override resolved(reply: Reply): void {
    this.batch.settle(this.index, [null, this.transform === undefined ? reply : this.transform(reply)]);
  }

  protected override rejected(error: Error): void {
    this.batch.settle(this.index, [error, undefined]);
  }
}
