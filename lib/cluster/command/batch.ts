import { Command } from './command.js';
import { resultsToCaller } from '../diagnostics/caller-stack.js';
import { type CallPolicy, type CallShape } from './call-policy.js';
import { DeadlineExceededError } from '../common/errors.js';
import type { PendingBounds } from '../options/options.js';
import type { Reply } from '../protocol/reply.js';
import type { ResolvedCall } from './resolved-call.js';
import { monotonicMs } from '../common/timers.js';

/** How many commands of one batch are in flight at once. The others wait here rather than in sockets. */
const WINDOW = 10_000;
/** The bytes of their arguments, for the same reason. */
const WINDOW_BYTES = 16 * 1024 * 1024;
/** The share of a node's limits that one batch uses at most, so that it is not rejected because of its own size. */
const SHARE = 1 / 2;

/** What a batch needs from the engine. */
export interface BatchEngine {
  readonly options: { readonly maxPendingPerNode: PendingBounds };
  openBatch(): BatchLane;
}

/** The path of one batch into the engine. */
export interface BatchLane {
  /** Sends a command, also while the client drains, if the batch was started before. */
  submit(command: Command): void;
  /** Called when all commands have a result. */
  end(): void;
}

/** A command that is sent with others: the call, and the form of its reply. */
export interface BatchEntry {
  readonly call: ResolvedCall;
  readonly shape: CallShape;
}

/** The result of one entry: an error or null, and the reply. */
export type BatchResult = [error: Error | null, reply: unknown];

/** What results are copied from: V8 may decide to create array literals among its old objects, which keep replies. */
const NO_RESULT: BatchResult = [null, undefined];

/** Learns when its commands have their results. */
export interface BatchOwner {
  settle(command: BatchedCommand, error?: Error): void;
  /** Called when a command has reached its deadline. */
  limit(): void;
}

/** A command of a batch. It keeps its own result until it is taken. */
export class BatchedCommand extends Command implements BatchEntry {
  batch: BatchOwner | undefined = undefined;
  private error: Error | null = null;
  private reply: unknown = undefined;

  /**
   * Returns the result and drops it: objects that have grown old must not refer to it, as young garbage is
   * cheap to collect.
   */
  takeResult(): BatchResult {
    const result = NO_RESULT.slice() as BatchResult;
    result[0] = this.error;
    result[1] = this.reply;
    this.error = null;
    this.reply = undefined;
    return result;
  }

  /** Does the same, with the error in the place of the reply. */
  takeReply(): unknown {
    const { error, reply } = this;
    this.error = null;
    this.reply = undefined;
    return error ?? reply;
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
    this.batch?.settle(this, error);
  }
}

/** How much of one batch may be on its way at once, so that others find room at the nodes. */
export function batchWindow({ commands, bytes }: PendingBounds): PendingBounds {
  return {
    commands: Math.max(1, Math.min(WINDOW, Math.floor(commands * SHARE))),
    bytes: Math.min(WINDOW_BYTES, bytes * SHARE),
  };
}

/** Makes the result of each command of a batch: a list of results, or of replies with errors among them. */
export const takeResult = (command: BatchedCommand): BatchResult => command.takeResult();
export const takeReply = (command: BatchedCommand): unknown => command.takeReply();

/**
 * Commands that are sent together, whatever nodes they go to. Each is redirected or sent again on its own. The
 * promise always resolves, when all have a result.
 *
 * A deadline that was given with these calls applies to the whole batch. Any other deadline applies to each
 * window, so that a long batch is not rejected for its length. Once a command has reached it, the rest of the
 * batch has the same time again, and no longer.
 */
export class Batch<T> implements BatchOwner {
  private readonly window: PendingBounds;
  private next = 0;
  private inFlight = 0;
  private bytesInFlight = 0;
  /** When commands that have not been sent are given up; milliseconds of `performance.now()`. */
  private giveUpAt = Infinity;
  private advancing = false;
  private readonly errors: Error[] = [];
  private lane!: BatchLane;
  private finish: ((results: T[] | Promise<T[]>) => void) | undefined = undefined;

  constructor(
    private readonly commands: readonly BatchedCommand[],
    private readonly policy: CallPolicy,
    private readonly engine: BatchEngine,
    /** Called once for each command, when all have a result. */
    private readonly taken: (command: BatchedCommand) => T,
  ) {
    this.window = batchWindow(engine.options.maxPendingPerNode);
  }

  /** Sends the batch, a window of it at a time. */
  start(): Promise<T[]> {
    if (this.commands.length === 0) return Promise.resolve([]);
    if (this.policy.deadlineOfBatch) this.limit();
    return new Promise((resolve) => {
      this.finish = resolve;
      this.lane = this.engine.openBatch();
      for (const command of this.commands) command.batch = this;
      this.advance();
    });
  }

  /** Called when a command has its result. */
  settle(command: BatchedCommand, error?: Error): void {
    if (error !== undefined) this.errors.push(error);
    this.inFlight--;
    this.bytesInFlight -= command.size;
    // the command was settled before `submit` returned; the loop that submitted it continues
    if (this.advancing) return;
    if (this.next === this.commands.length) this.finishOnce();
    else if (this.inFlight <= this.window.commands / 2 && this.bytesInFlight <= this.window.bytes / 2)
      this.advance();
  }

  /** Sets one deadline for the rest of the batch. */
  limit(): void {
    if (this.giveUpAt === Infinity) this.giveUpAt = monotonicMs() + this.policy.deadlineMs;
  }

  private advance(): void {
    this.advancing = true;
    if (monotonicMs() >= this.giveUpAt) this.giveUp();
    while (
      this.next < this.commands.length &&
      this.inFlight < this.window.commands &&
      this.bytesInFlight < this.window.bytes
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
    this.inFlight++;
    this.bytesInFlight += command.size;
    return command;
  }

  /** Fails all commands that have not been sent. */
  private giveUp(): void {
    const error = new DeadlineExceededError('The rest of the batch', this.policy.deadlineMs);
    while (this.next < this.commands.length) this.take().fail(error);
  }

  private finishOnce(): void {
    if (this.inFlight > 0) return;
    this.lane.end();
    const results = this.commands.map(this.taken);
    const { finish } = this;
    // commands that have grown old would keep the results in memory through it
    this.finish = undefined;
    finish?.(this.errors.length === 0 ? results : resultsToCaller(results, this.errors));
  }
}
