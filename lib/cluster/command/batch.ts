import { Command } from './command.js';
import { type CallPolicy, type CallShape } from './call-policy.js';
import { DeadlineExceededError } from '../common/errors.js';
import type { PendingBounds } from '../options/options.js';
import type { Reply } from '../protocol/reply.js';
import type { ResolvedCall } from './resolved-call.js';
import { monotonicMs } from '../common/timers.js';

/** Commands of one batch that are under way at once; the others wait here rather than in sockets. */
const WINDOW = 10_000;
/** Bytes of their arguments, for the same reason. */
const WINDOW_BYTES = 16 * 1024 * 1024;
/** A batch takes this part of what may wait for one node at most, so that it is not refused for its own sake. */
const SHARE = 1 / 2;

/** What a batch needs of the engine. */
export interface BatchEngine {
  readonly options: { readonly maxPendingPerNode: PendingBounds };
  openBatch(): BatchLane;
}

/** The way of one batch into the engine. */
export interface BatchLane {
  /** Sends a command on its way, also while the client drains, if the batch was begun before. */
  submit(command: Command): void;
  /** All commands have their answers. */
  end(): void;
}

/** A command that is sent with others: what it asks for, and how the reply is wanted. */
export interface BatchEntry {
  readonly call: ResolvedCall;
  readonly shape: CallShape;
}

/** What became of one entry: an error or null, and the reply. */
export type BatchResult = [error: Error | null, reply: unknown];

/** A command of a batch. It keeps its own answer until all have one. */
export class BatchedCommand extends Command implements BatchEntry {
  batch: Batch | undefined = undefined;
  private error: Error | null = null;
  private reply: unknown = undefined;

  /** Hands its answer over. What has grown old under way must not hold on to it: young garbage is cheap to collect. */
  takeResult(): BatchResult {
    const { error, reply } = this;
    this.error = null;
    this.reply = undefined;
    return [error, reply];
  }

  override get waitsForRoom(): boolean {
    return true;
  }

  override expire(): void {
    this.batch?.limit();
    super.expire();
  }

  protected override resolved(reply: Reply): void {
    this.reply = this.shaped(reply);
    this.batch?.settle(this);
  }

  protected override rejected(error: Error): void {
    this.error = error;
    this.batch?.settle(this);
  }
}

/**
 * Commands that are sent together, whichever nodes they go to. Each is redirected or sent again by itself;
 * the one promise resolves, always, when all have an answer.
 *
 * A deadline that was given for these calls is that of the whole. Any other is that of each window, so that a batch is
 * not refused for its length; once a command has reached it, all the rest together have as long again, and no longer.
 */
export class Batch {
  private readonly window: number;
  private readonly windowBytes: number;
  private next = 0;
  private underWay = 0;
  private bytesUnderWay = 0;
  /** When what has not been sent by then is given up; milliseconds of `performance.now()`. */
  private giveUpAt = Infinity;
  private advancing = false;
  private lane!: BatchLane;
  private finish!: (results: BatchResult[]) => void;

  constructor(
    private readonly commands: readonly BatchedCommand[],
    private readonly policy: CallPolicy,
    private readonly engine: BatchEngine,
  ) {
    const { commands: most, bytes } = engine.options.maxPendingPerNode;
    this.window = Math.max(1, Math.min(WINDOW, Math.floor(most * SHARE)));
    this.windowBytes = Math.min(WINDOW_BYTES, bytes * SHARE);
  }

  /** Sends the batch, a window of it at a time. */
  start(): Promise<BatchResult[]> {
    if (this.commands.length === 0) return Promise.resolve([]);
    if (this.policy.deadlineOfBatch) this.limit();
    return new Promise((resolve) => {
      this.finish = resolve;
      this.lane = this.engine.openBatch();
      for (const command of this.commands) command.batch = this;
      this.advance();
    });
  }

  /** A command has its answer. */
  settle(command: BatchedCommand): void {
    this.underWay--;
    this.bytesUnderWay -= command.size;
    // one that is answered before `submit` returns: the loop that has submitted it goes on
    if (this.advancing) return;
    if (this.next === this.commands.length) this.finishOnce();
    else if (this.underWay <= this.window / 2 && this.bytesUnderWay <= this.windowBytes / 2) this.advance();
  }

  /** From now on the rest has one deadline. */
  limit(): void {
    if (this.giveUpAt === Infinity) this.giveUpAt = monotonicMs() + this.policy.deadlineMs;
  }

  private advance(): void {
    this.advancing = true;
    if (monotonicMs() >= this.giveUpAt) this.giveUp();
    while (
      this.next < this.commands.length &&
      this.underWay < this.window &&
      this.bytesUnderWay < this.windowBytes
    ) {
      const command = this.take();
      command.deadlineAt = this.giveUpAt;
      this.lane.submit(command);
    }
    this.advancing = false;
    if (this.next === this.commands.length) this.finishOnce();
  }

  private take(): BatchedCommand {
    const command = this.commands[this.next++];
    this.underWay++;
    this.bytesUnderWay += command.size;
    return command;
  }

  /** Nothing more is sent. */
  private giveUp(): void {
    const error = new DeadlineExceededError('The rest of the batch', this.policy.deadlineMs);
    while (this.next < this.commands.length) this.take().fail(error);
  }

  private finishOnce(): void {
    if (this.underWay > 0) return;
    this.lane.end();
    this.finish(this.commands.map((one) => one.takeResult()));
  }
}
