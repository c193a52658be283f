import { ReplyError as NodeReplyError, type Redis } from 'ioredis';
import { isResent } from '../../cluster/retry/attempt-outcome.js';
import { keyIndexes } from '../../cluster/command-table/command-keys.js';
import { isIdempotent } from '../../cluster/command-table/command-table.js';
import type { CallPolicy } from '../../cluster/command/call-policy.js';
import {
  ConnectionError,
  InvalidArgumentError,
  OutcomeUnknownError,
  ReplyError,
} from '../../cluster/common/errors.js';
import { isOpen } from '../../cluster/leases/leased-connection.js';
import type { Destination } from '../../cluster/leases/leased-route.js';
import { callByName } from '../../cluster/node-client/call-by-name.js';
import { isTransient } from '../../cluster/retry/transient.js';
import { toReplyError } from '../../cluster/protocol/reply-error.js';
import type { Reply } from '../../cluster/protocol/reply.js';
import { keysOf, type ResolvedCall } from '../../cluster/command/resolved-call.js';
import { captureCaller } from '../../cluster/diagnostics/caller-stack.js';
import { placed } from '../../cluster/diagnostics/error-place.js';
import type { NodeCounters } from '../../cluster/stats/node-counters.js';

/** The writes that the function of a transaction has run directly, over all its attempts. */
export interface WritesAtOnce {
  /** Whether something may have been written. */
  some: boolean;
  /** The name of a command that may have been executed, and must not be executed twice. */
  unrepeatable: string | undefined;
}

/**
 * The connection of one attempt of a transaction. Runs commands on it, and separates errors after which the
 * transaction can start over from final ones.
 */
export class WatchedConnection {
  /** Errors after which the transaction can start over: those of the connection, and transient refusals. */
  private readonly transientErrors = new WeakSet<Error>();
  /** Errors that the node replied. */
  private readonly refusals = new WeakSet<Error>();
  private readonly watched: ReadonlySet<string>;
  private over = false;
  /** What drops the keys that were written from the cache. */
  private written: (() => void)[] = [];
  /** Whether nothing is watched and no transaction is open, so that other calls can use the connection. */
  clean = false;

  constructor(
    readonly redis: Redis,
    private readonly destination: Destination,
    private readonly watch: ResolvedCall,
    private readonly policy: CallPolicy,
    private readonly writes: WritesAtOnce,
    private readonly counters: NodeCounters,
    private readonly writing: (calls: readonly ResolvedCall[]) => (() => void) | undefined,
  ) {
    this.watched = new Set(watch.args.map(keyText));
  }

  /** Whether the transaction can start over after this error, which must be one of this connection. */
  canStartOver(error: unknown): error is Error {
    return error instanceof Error && this.transientErrors.has(error);
  }

  /** Whether the node replied this error, rather than the function of the transaction throwing its own. */
  isRefusal(error: unknown): error is Error {
    return error instanceof Error && this.refusals.has(error);
  }

  get nodeName(): string {
    return this.destination.node.name;
  }

  /** Whether the connection has closed. */
  get isLost(): boolean {
    return !isOpen(this.redis);
  }

  /** Ends the attempt. Commands of the transaction are rejected from now on. */
  end(): void {
    this.over = true;
    this.dropWritten();
  }

  private dropWritten(): void {
    for (const drop of this.written) drop();
  }

  /** Stops watching. */
  async forget(): Promise<void> {
    this.clean = await this.redis.unwatch().then(
      () => true,
      () => false,
    );
  }

  /** Marks an error as one after which the transaction can start over. */
  private transient(error: Error): Error {
    this.transientErrors.add(error);
    return error;
  }

  lost(): Error {
    return this.transient(new ConnectionError(this.destination.node.name, 'lost during a transaction'));
  }

  /**
   * Runs one command.
   * @throws ReplyError, ConnectionError; OutcomeUnknownError if the connection was lost and the command must
   *   not run twice
   */
  async run(call: ResolvedCall, buffers: boolean): Promise<Reply> {
    if (this.over)
      throw new InvalidArgumentError(
        'tx',
        'The transaction is over. Call its commands inside its function, and await them there.',
      );
    this.prepare([call]);
    const { row } = call;
    const repeatable = this.isRepeatable(call);
    try {
      const reply = await this.execute(call, buffers);
      if (!row.readonly) this.note(repeatable, row.name);
      return reply;
    } catch (error) {
      if (row.readonly || error instanceof ReplyError) throw error;
      this.note(repeatable, row.name);
      if (repeatable) throw error;
      const reason = 'its connection was lost before the reply';
      throw this.inPlace(call, new OutcomeUnknownError(row.name, reason, { cause: error }));
    } finally {
      this.dropWritten();
    }
  }

  /** Watches the keys. */
  async watchKeys(): Promise<void> {
    this.prepare([this.watch]);
    await this.execute(this.watch, false);
  }

  /** @throws ReplyError, ConnectionError */
  private async execute(call: ResolvedCall, buffers: boolean): Promise<Reply> {
    this.counters.commands++;
    try {
      return (await callByName(this.redis, call, buffers)) as Reply;
    } catch (error) {
      const failure =
        error instanceof NodeReplyError
          ? this.refusal(this.inPlace(call, toReplyError((error as Error).message)))
          : this.lost();
      captureCaller(failure, WatchedConnection.prototype.run);
      throw failure;
    }
  }

  /**
   * Sends ASKING, so that the node serves commands of a slot it is still importing. The node would also serve
   * keys it does not have yet, so only the watched keys are allowed: those have left the source.
   */
  prepare(calls: readonly ResolvedCall[]): void {
    const written = this.writing(calls);
    if (written !== undefined) this.written.push(written);
    if (!this.destination.asking) return;
    for (const { row, args } of calls) {
      if (keyIndexes(row, args).every((index) => this.watched.has(keyText(args[index])))) continue;
      throw this.refusal(
        toReplyError('TRYAGAIN The slot is being moved, and the call uses keys that are not watched'),
      );
    }
    // if ASKING is refused, so is the next command
    this.redis.call('ASKING').catch(() => {});
  }

  /** Records an error that the node replied. */
  refusal(reply: ReplyError): ReplyError {
    this.refusals.add(reply);
    if (isTransient(reply)) this.transientErrors.add(reply);
    return reply;
  }

  /** The error with the place where the command failed. */
  private inPlace<E extends Error>(call: ResolvedCall, error: E): E {
    const keys = this.policy.errorKeys ? keysOf(call) : undefined;
    const command = call.row.name.toUpperCase();
    return placed(error, { command, node: this.nodeName, slot: this.watch.slot, attempts: 1, keys }) as E;
  }

  private isRepeatable({ row, args }: ResolvedCall): boolean {
    const reads = row.readonly;
    return reads || isResent(this.policy.retry, { idempotent: isIdempotent(row, args), reads });
  }

  private note(repeatable: boolean, name: string): void {
    this.writes.some = true;
    if (!repeatable) this.writes.unrepeatable ??= name;
  }
}

function keyText(key: string | Buffer | number): string {
  return Buffer.isBuffer(key) ? key.toString('latin1') : Buffer.from(String(key)).toString('latin1');
}
