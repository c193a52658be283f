import { afterAttempts, isResent } from '../retry/attempt-outcome.js';
import { isIdempotent, type CommandRow } from '../command-table/command-table.js';
import {
  DeadlineExceededError,
  OutcomeUnknownError,
  ReplyError,
  UnreadableReplyError,
} from '../common/errors.js';
import type { Reply } from '../protocol/reply.js';
import type { Argument, RequestEncoder } from '../protocol/request-encoder.js';
import type { NodeCounters } from '../stats/node-counters.js';
import type { CallTrace } from '../diagnostics/call-trace.js';
import { placed } from '../diagnostics/error-place.js';
import { NO_SLOT } from '../topology/key-slot.js';
import { keysOf, type ResolvedCall } from './resolved-call.js';
import type { NodeAddress } from '../topology/topology.js';
import type { CallShape, CallPolicy } from './call-policy.js';

/** Decides what happens to a command that was refused, or whose reply was lost. */
export interface CommandRouter {
  refused(command: Command, reply: ReplyError, from: CommandNode): void;
  replyLost(command: Command, error: Error): void;
}

/** The node that replied to a command, as far as the command needs it. */
export interface CommandNode {
  readonly name: string;
  readonly router: CommandRouter;
  readonly counters: NodeCounters;
  /** What the cache knows about its connection; see `CacheSession`. */
  readonly session?: object | undefined;
}

/** The limits that a command counts against until it is settled. */
export interface CommandBudget {
  /** The node whose budget it is; undefined if no node has the command. */
  readonly node: string | undefined;
  release(command: Command): void;
}

/**
 * One command on its way from a call to its reply: what to send, where it belongs, and its result. It is in one
 * place at a time: a channel's pending list, a connection's in-flight queue, or the retry queue.
 */
export abstract class Command {
  /** What is sent. Replaced if a script has to be sent with its text. */
  declare call: ResolvedCall;
  declare readonly shape: CallShape;
  declare policy: CallPolicy;
  /** The budget it counts against, if any. */
  declare budget: CommandBudget | undefined;
  /** Where an error counts; undefined for commands of the client's own. */
  declare counters: NodeCounters | undefined;
  /** Whether it was written to a socket, and no server has said since that it was not executed. */
  declare sent: boolean;
  /** Whether an earlier reply was lost. It may have been executed then, whatever servers say now. */
  declare mayHaveRun: boolean;
  /** Whether the caller has a result. Later replies are dropped. */
  declare settled: boolean;
  /** The only node it may go to, whatever the topology says. Calls routed by slot have none. */
  declare pinned: NodeAddress | undefined;
  /** Whether to send ASKING first, as an ASK redirect demands. */
  declare asking: boolean;
  /** How many times it has been redirected, delayed, or sent again. */
  declare attempts: number;
  /** Its place among the calls of the client. */
  declare order: number;
  /** The deadline, in milliseconds of the client's clock. */
  declare deadlineAt: number;
  /** Called once the caller has a result. */
  declare onSettled: ((command: Command, error?: Error) => void) | undefined;
  /** Why it last had to wait. */
  declare lastError: Error | undefined;

  constructor(call: ResolvedCall, shape: CallShape, policy: CallPolicy) {
    // assigned, as V8 defines a field slowly once there are more than four classes of objects that have it
    this.call = call;
    this.shape = shape;
    this.policy = policy;
    this.budget = undefined;
    this.counters = undefined;
    this.sent = false;
    this.mayHaveRun = false;
    this.settled = false;
    this.pinned = undefined;
    this.asking = false;
    this.attempts = 0;
    this.order = 0;
    this.deadlineAt = Infinity;
    this.onSettled = undefined;
    this.lastError = undefined;
  }

  get row(): CommandRow {
    return this.call.row;
  }

  get name(): string {
    return this.call.name;
  }

  get args(): readonly Argument[] {
    return this.call.args;
  }

  get slot(): number {
    return this.call.slot;
  }

  /** The slots of its calls. */
  get slots(): Iterable<number> {
    return [this.slot];
  }

  /** Records where it goes, if somebody listens. */
  get trace(): CallTrace | undefined {
    return this.policy.trace;
  }

  /** The bytes of the arguments, as the limits count them. */
  get size(): number {
    return this.call.size;
  }

  /** How many commands it counts as. */
  get weight(): number {
    return 1;
  }

  /** The calls that it consists of. */
  get calls(): readonly ResolvedCall[] {
    return [this.call];
  }

  /** How many replies it gets. */
  get replyCount(): number {
    return 1;
  }

  /** Whether a second execution makes no difference, so that it may be sent again after a lost reply. */
  get idempotent(): boolean {
    return isIdempotent(this.row, this.args);
  }

  /** Whether it changes nothing. */
  get reads(): boolean {
    return !this.row.write && this.idempotent;
  }

  /** Whether it is sent again if its reply was lost. */
  get resent(): boolean {
    return isResent(this.policy.retry, this);
  }

  /** Whether it waits if its node has no room for it, rather than being rejected. */
  get waitsForRoom(): boolean {
    return false;
  }

  /** Whether a lost reply is harmless: the command reads, or may be sent again. */
  get repeatable(): boolean {
    return this.row.readonly || this.resent;
  }

  /** Returns the commands that it consists of and that have no reply, each to be treated by itself from now on. */
  split(): readonly Command[] {
    return [this];
  }

  /** Encodes it, for the first time or again. */
  encode(encoder: RequestEncoder): void {
    encoder.append(this.call.name, this.call.args);
  }

  /** Receives one reply. */
  receive(reply: Reply, from: CommandNode): void {
    if (typeof reply === 'object' && reply instanceof ReplyError) from.router.refused(this, reply, from);
    else this.succeed(reply, from);
  }

  /** Called when its connection ended while it was in flight. */
  lost(error: Error, from: CommandNode): void {
    from.router.replyLost(this, error);
  }

  /** Continues after waiting. */
  resume(dispatch: (command: Command) => void): void {
    dispatch(this);
  }

  /**
   * Resolves with the reply, unless the caller has a result already.
   * @param from the node that replied, for the error if the reply cannot be returned in the requested form
   */
  succeed(reply: Reply, from?: CommandNode): void {
    if (this.settled) return;
    this.settle();
    try {
      this.resolved(reply);
    } catch (error) {
      const unreadable = this.inPlace(new UnreadableReplyError(this.name, { cause: error }), from?.name);
      this.counters?.callFailed(unreadable);
      this.rejected(unreadable);
    }
  }

  /** Rejects with an error, unless the caller has a result already. */
  fail(error: Error): void {
    if (this.settled) return;
    const failure = this.inPlace(afterAttempts(this.name, error, this.mayHaveRun));
    this.settle(failure);
    this.counters?.callFailed(failure);
    this.rejected(failure);
  }

  /** Called when its deadline has passed. A write that was sent may have been executed; anything else was not. */
  expire(): void {
    if ((this.sent || this.mayHaveRun) && !this.row.readonly) {
      const { name, lastError } = this;
      this.fail(new OutcomeUnknownError(name, 'no reply came before its deadline', { cause: lastError }));
    } else {
      this.fail(new DeadlineExceededError(this.name, this.policy.deadlineMs, { cause: this.lastError }));
    }
  }

  /** Returns the reply in the form that the caller wants. */
  protected shaped(reply: Reply): unknown {
    const { transform } = this.shape;
    return transform === undefined ? reply : transform(reply);
  }

  /** Called once, with the reply; what it throws goes to `rejected`. */
  protected abstract resolved(reply: Reply): void;

  /** Called once, with the error. */
  protected abstract rejected(error: Error): void;

  /** How errors and traces call it. */
  protected get title(): string {
    return this.row.name.toUpperCase();
  }

  /** The error with the place where the command failed. */
  protected inPlace(error: Error, node: string | undefined = this.budget?.node): Error {
    return placed(error, {
      command: this.title,
      node,
      slot: this.slot === NO_SLOT ? undefined : this.slot,
      attempts: this.attempts + 1,
      keys: this.policy.errorKeys ? keysOf(this.call) : undefined,
    });
  }

  protected settle(error?: Error): void {
    this.settled = true;
    // while the budget still names the node
    this.onSettled?.(this, error);
    this.budget?.release(this);
  }
}
