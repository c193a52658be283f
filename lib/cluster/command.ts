import { afterAttempts, isResent } from './attempt-outcome.js';
import { isIdempotent, type CommandRow } from './command-table.js';
import { DeadlineExceededError, OutcomeUnknownError, ReplyError, UnreadableReplyError } from './errors.js';
import type { RetryMode } from './options.js';
import type { ReadFrom } from './read-from.js';
import type { Reply } from './reply.js';
import type { Argument, RequestEncoder } from './request-encoder.js';
import type { ResolvedCall } from './resolved-call.js';
import type { NodeAddress } from './topology.js';

/** Turns what the server answered into what the caller is given; where it throws, the call ends in UnreadableReplyError. */
export type ReplyTransform = (reply: Reply) => unknown;

/** How the reply of a call is to be given. */
export interface CallShape {
  /** Strings in it as Buffers. */
  readonly buffers: boolean;
  /** Maps, doubles and booleans of RESP3 as objects, numbers and booleans. */
  readonly native?: boolean | undefined;
  readonly transform?: ReplyTransform;
}

/** Without a transform. */
export const PLAIN_SHAPES: Readonly<Record<'strings' | 'buffers', CallShape>> = {
  strings: { buffers: false, transform: undefined },
  buffers: { buffers: true, transform: undefined },
};

/** A write is done when this many replicas have it, or fails with DurabilityError after `timeoutMs`. */
export interface Durability {
  readonly replicas: number;
  readonly timeoutMs: number;
}

/** The arguments of a command that may have been executed already, for a script that wants to know that. */
export type ResentArguments = (args: readonly Argument[], deadlineMs: number) => readonly Argument[];

/** How one call is to be treated; resolved once, shared by all calls that are treated alike. */
export interface CallPolicy {
  readonly readFrom: ReadFrom;
  readonly deadlineMs: number;
  /** The deadline was given with the call, and so is that of a whole batch; else each window of it has its own. */
  readonly deadlineOfBatch?: boolean;
  readonly retry: RetryMode;
  /** Ends the call early. */
  readonly signal?: AbortSignal;
  /** How many replicas must have a write before it counts as done. */
  readonly durability?: Durability;
  /** What a command is sent with again, where a reply to it was lost; must leave arguments of its own as they are. */
  readonly whenResent?: ResentArguments;
}

/** The slot of a command without keys. */
export const NO_SLOT = -1;

/** What decides about a command that was refused, or whose reply was lost. */
export interface CommandRouter {
  refused(command: Command, reply: ReplyError, from: CommandNode): void;
  replyLost(command: Command, error: Error): void;
}

/** The node that answered a command, as far as the command cares. */
export interface CommandNode {
  readonly name: string;
  readonly router: CommandRouter;
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
  allowance: CommandBudget | undefined = undefined;
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
  lastRefusal: Error | undefined = undefined;

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
      this.rejected(new UnreadableReplyError(this.name, { cause: error }));
    }
  }

  /** Gives the caller an error, unless there is an answer already. */
  fail(error: Error): void {
    if (this.settled) return;
    this.settle();
    this.rejected(afterAttempts(this.name, error, this.mayHaveRun));
  }

  /** Its deadline has passed. A write that was sent may have been executed; all else certainly was not. */
  expire(): void {
    if ((this.sent || this.mayHaveRun) && !this.row.readonly) {
      const { name, lastRefusal } = this;
      this.fail(new OutcomeUnknownError(name, 'no reply came before its deadline', { cause: lastRefusal }));
    } else {
      this.fail(new DeadlineExceededError(this.name, this.policy.deadlineMs, { cause: this.lastRefusal }));
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
    this.allowance?.release(this);
    this.onSettled?.();
  }
}
