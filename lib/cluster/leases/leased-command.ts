import { ReplyError as NodeReplyError, type Redis } from 'ioredis';
import type { CallPolicy, CallShape } from '../command/call-policy.js';
import type { Repeatable } from '../retry/attempt-outcome.js';
import { isBlocking, isIdempotent } from '../command-table/command-table.js';
import { blockingMs, withTimeLeft } from '../command-table/blocking-timeout.js';
import { settledByReplicas } from './wait-for-replicas.js';
import { callByName } from '../node-client/call-by-name.js';
import { toReplyError } from '../protocol/reply-error.js';
import type { Reply } from '../protocol/reply.js';
import type { Argument } from '../protocol/request-encoder.js';
import { keysOf, type ResolvedCall } from '../command/resolved-call.js';
import type { ScriptRegistry } from '../scripts/script-registry.js';

/** Work on a leased connection, in one or more attempts. */
export interface LeasedWork extends Repeatable {
  /** The name used in errors. */
  readonly name: string;
  /** As fields of errors call it: the command in upper case. */
  readonly title: string;
  readonly slot: number;
  /** Returns the keys as text. */
  keys(): readonly string[];
  /** The calls that it consists of. */
  readonly calls: readonly ResolvedCall[];
  /** Whether it may take any amount of time once a server has it. */
  readonly blocking: boolean;
  /** How long it blocks at most, in ms: `Infinity` if it has no limit. */
  readonly blockingMs: number;
  /**
   * Sends it. @throws ReplyError, DurabilityError, OutcomeUnknownError; any other error means that the
   * connection ended
   */
  send(redis: Redis): Promise<unknown>;
  /** Called before it is sent again although it may have been executed. */
  resent?(): void;
  /** Called before it is sent again after it has blocked for some ms. */
  shorten?(waitedMs: number): void;
  /** Settles when it can be sent: within its deadline, and never rejects. */
  readonly prepared?: Promise<void>;
}

/** One call on a leased connection. */
export class LeasedCommand implements LeasedWork {
  readonly name: string;
  readonly slot: number;
  readonly prepared?: Promise<void>;
  private given: readonly Argument[];

  constructor(
    private call: ResolvedCall,
    private readonly policy: CallPolicy,
    private readonly shape: CallShape,
    private readonly scripts: ScriptRegistry,
    /** The arguments it is sent with, if they have to be determined first. */
    args?: Promise<Argument[]>,
  ) {
    this.name = call.name;
    this.given = call.args;
    this.slot = call.slot;
    this.prepared = args?.then((found) => {
      this.given = found;
      this.call = { ...this.call, args: found };
    });
  }

  get title(): string {
    return this.call.row.name.toUpperCase();
  }

  keys(): readonly string[] {
    return keysOf(this.call);
  }

  get calls(): readonly ResolvedCall[] {
    return [this.call];
  }

  get blocking(): boolean {
    return isBlocking(this.call.row, this.call.args);
  }

  get blockingMs(): number {
    return this.blocking ? blockingMs(this.call.row.name, this.call.args) : 0;
  }

  get reads(): boolean {
    return this.call.row.readonly;
  }

  get idempotent(): boolean {
    return this.reads || isIdempotent(this.call.row, this.call.args);
  }

  async send(redis: Redis): Promise<unknown> {
    const { transform } = this.shape;
    const reply = await this.sendOnce(redis).catch((error: unknown) => this.sendWhole(redis, error));
    return transform === undefined ? reply : transform(reply);
  }

  resent(): void {
    const args = this.policy.argsOnResend?.(this.call.args);
    if (args !== undefined) this.call = { ...this.call, args: [...args] };
  }

  shorten(waitedMs: number): void {
    if (this.blocking) this.call = { ...this.call, args: withTimeLeft(this.name, this.given, waitedMs) };
  }

  private async sendOnce(redis: Redis): Promise<Reply> {
    const { call } = this;
    const { durability } = this.policy;
    const reply = callByName(redis, call, this.shape.buffers).catch(throwAsOurs) as Promise<Reply>;
    if (durability === undefined || !call.row.write) return reply;
    return settledByReplicas(redis, durability, this.name, reply);
  }

  /** Sends a script again with its text, if the server does not know its hash. */
  private sendWhole(redis: Redis, error: unknown): Promise<Reply> {
    const isUnknown = (error as { code?: string }).code === 'NOSCRIPT';
    const whole = isUnknown ? this.scripts.withText(this.call.name, this.call.args) : undefined;
    if (whole === undefined) throw error;
    this.call = { ...this.call, ...whole };
    return this.sendOnce(redis);
  }
}

/** Throws an error of a server as our ReplyError, and any other error unchanged. */
export function throwAsOurs(error: unknown): never {
  throw error instanceof NodeReplyError ? toReplyError((error as Error).message) : error;
}
