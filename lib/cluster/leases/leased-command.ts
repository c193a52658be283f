import { ReplyError as NodeReplyError, type Redis } from 'ioredis';
import type { CallPolicy, CallShape } from '../command/call-policy.js';
import type { Repeatable } from '../retry/attempt-outcome.js';
import { isBlocking, isIdempotent } from '../command-table/command-table.js';
import { withTimeLeft } from '../command-table/blocking-timeout.js';
import { settledByReplicas } from './wait-for-replicas.js';
import { callByName } from '../node-client/call-by-name.js';
import { toReplyError } from '../protocol/reply-error.js';
import type { Reply } from '../protocol/reply.js';
import type { Argument } from '../protocol/request-encoder.js';
import type { ResolvedCall } from '../command/resolved-call.js';
import type { ScriptRegistry } from '../scripts/script-registry.js';

/** What is done on a leased connection, in one attempt or several. */
export interface LeasedWork extends Repeatable {
  /** As errors call it. */
  readonly name: string;
  readonly slot: number;
  /** It may take any time once a server has it. */
  readonly blocking: boolean;
  /** @throws ReplyError, DurabilityError, OutcomeUnknownError; anything else where the connection ended */
  send(redis: Redis): Promise<unknown>;
  /** It may have been executed, and is sent again. */
  resent?(): void;
  /** It is sent again after it has waited for some ms. */
  shorten?(waitedMs: number): void;
  /** What it needs to know before it is sent; settles within its deadline and never rejects. */
  readonly prepared?: Promise<void>;
}

/** One call. */
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
    /** The arguments that it is sent with, where they have to be found out. */
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

  get blocking(): boolean {
    return isBlocking(this.call.row, this.call.args);
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
    const { argsOnResend, deadlineMs } = this.policy;
    if (argsOnResend !== undefined)
      this.call = { ...this.call, args: [...argsOnResend(this.call.args, deadlineMs)] };
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

  /** The server does not know a script that we know: it is sent again with its text. */
  private sendWhole(redis: Redis, error: unknown): Promise<Reply> {
    const isUnknown = (error as { code?: string }).code === 'NOSCRIPT';
    const whole = isUnknown ? this.scripts.whole(this.call.name, this.call.args) : undefined;
    if (whole === undefined) throw error;
    this.call = { ...this.call, ...whole };
    return this.sendOnce(redis);
  }
}

/** Throws what a server refused as our error, and anything else as it is. */
export function throwAsOurs(error: unknown): never {
  throw error instanceof NodeReplyError ? toReplyError((error as Error).message) : error;
}
