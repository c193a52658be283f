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
import type { ResolvedCall } from './resolved-call.js';
import type { NodeAddress } from '../topology/topology.js';
import type { CallShape, CallPolicy } from './call-policy.js';

/** What decides about a command that was refused, or whose reply was lost. */
export interface CommandRouter {
  refused(command: Command, reply: ReplyError, from: CommandNode): void;
  replyLost(command: Command, error: Error): void;
}

/** The node that answered a command, as far as the command cares. */
export interface CommandNode {
  readonly name: string;
  readonly router: CommandRouter;
  readonly counters: NodeCounters;
}

/** What a command counts against until it is settled. */
export interface CommandBudget {
  release(command: Command): void;
}

/**
 * One command on its way from a call to its reply: what to send, where it belongs, and what became of it.
 * It is in one place at a time: a channel's pending list, a connection's in-flight queue, or the waiting room.
 */
export abstract class Command {
  /** What accounts for it, while something does. */
  budget: CommandBudget | undefined = undefined;
  /** Where an error counts; undefined for commands of the client's own. */
  counters: NodeCounters | undefined = undefined;
  /** It was handed to a socket, and no server has said since that it was not executed. */
  sent = false;
  /** An earlier answer to it was lost, so it may have been executed, whatever servers say now. */
  mayHaveRun = false;
  /** The caller has an answer; a reply that comes later is dropped. */
  settled = false;
  /** The one node it is for, whatever the topology; a call by slot has none. */
  pinned: NodeAddress | undefined = undefined;
  /** To be preceded by ASKING, as an ASK redirect demands. */
  asking = false;
  /** How often it has been redirected, put off, or sent again. */
  attempts = 0;
  /** Milliseconds of the client's clock. */
  deadlineAt = Infinity;
  /** To be told once the caller has an answer. */
  onSettled: (() => void) | undefined = undefined;
  /** Why it last had to wait. */
  lastError: Error | undefined = undefined;

  constructor(
    /** What is sent; another one where a script has to be sent whole. */
    public call: ResolvedCall,
    readonly shape: CallShape,
    readonly policy: CallPolicy,
  ) {}

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

  /** Bytes of the arguments, as the bounds count them. */
  get size(): number {
    return this.call.size;
  }

  /** How many replies it is answered with. */
  get replyCount(): number {
    return 1;
  }

  /** A second execution would go unnoticed, so it may be sent again after a lost reply. */
  get idempotent(): boolean {
    return isIdempotent(this.row, this.args);
  }

  /** It changes nothing. */
  get reads(): boolean {
    return !this.row.write && this.idempotent;
  }

  /** It is sent again where its reply was lost. */
  get resent(): boolean {
    return isResent(this.policy.retry, this);
  }

  /** Where there is no room for it at a node, it waits for some rather than to be refused. */
  get waitsForRoom(): boolean {
    return false;
  }

  /** A lost reply does no harm: the command reads, or may be sent again. */
  get repeatable(): boolean {
    return this.row.readonly || this.resent;
  }

  /** Writes it, for the first time or again. */
  encode(encoder: RequestEncoder): void {
    encoder.append(this.call.name, this.call.args);
  }

  /** Takes one reply. */
  receive(reply: Reply, from: CommandNode): void {
    if (typeof reply === 'object' && reply instanceof ReplyError) from.router.refused(this, reply, from);
    else this.succeed(reply);
  }

  /** Its connection died, or was given up, with the reply owing. */
  lost(error: Error, from: CommandNode): void {
    from.router.replyLost(this, error);
  }

  /** Goes on where it has waited. */
  resume(dispatch: (command: Command) => void): void {
    dispatch(this);
  }

  /** Gives the caller the reply, unless there is an answer already. */
  succeed(reply: Reply): void {
    if (this.settled) return;
    this.settle();
    try {
      this.resolved(reply);
    } catch (error) {
      const unreadable = new UnreadableReplyError(this.name, { cause: error });
      this.counters?.callFailed(unreadable);
      this.rejected(unreadable);
    }
  }

  /** Gives the caller an error, unless there is an answer already. */
  fail(error: Error): void {
    if (this.settled) return;
    const failure = afterAttempts(this.name, error, this.mayHaveRun);
    this.settle();
    this.counters?.callFailed(failure);
    this.rejected(failure);
  }

  /** Its deadline has passed. A write that was sent may have been executed; all else certainly was not. */
  expire(): void {
    if ((this.sent || this.mayHaveRun) && !this.row.readonly) {
      const { name, lastError } = this;
      this.fail(new OutcomeUnknownError(name, 'no reply came before its deadline', { cause: lastError }));
    } else {
      this.fail(new DeadlineExceededError(this.name, this.policy.deadlineMs, { cause: this.lastError }));
    }
  }

  /** The reply in the form that the caller wants. */
  protected shaped(reply: Reply): unknown {
    const { transform } = this.shape;
    return transform === undefined ? reply : transform(reply);
  }

  /** Called once, with the reply; what it throws goes to `rejected`. */
  protected abstract resolved(reply: Reply): void;

  /** Called once, with the error. */
  protected abstract rejected(error: Error): void;

  private settle(): void {
    this.settled = true;
    this.budget?.release(this);
    this.onSettled?.();
  }
}
