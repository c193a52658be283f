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
import type { ResolvedCall } from '../../cluster/command/resolved-call.js';

/** What is known of the writes that a transaction's function has run at once, over all its attempts. */
export interface WritesAtOnce {
  /** Something may have been written. */
  some: boolean;
  /** The command of this name may have been executed, and a second time would do harm. */
  unrepeatable: string | undefined;
}

/** The connection of one attempt of a transaction: runs commands on it, and tells obstacles from answers. */
export class WatchedConnection {
  /** Errors that came of the cluster's state or of the connection, and are no reason to give up. */
  private readonly obstacles = new WeakSet<Error>();
  /** What its node has refused. */
  private readonly refusals = new WeakSet<Error>();
  private readonly watched: ReadonlySet<string>;
  private over = false;
  /** Nothing is watched any more, and no transaction is open, so others may have the connection. */
  clean = false;

  constructor(
    readonly redis: Redis,
    private readonly destination: Destination,
    private readonly watch: ResolvedCall,
    private readonly policy: CallPolicy,
    private readonly writes: WritesAtOnce,
  ) {
    this.watched = new Set(watch.args.map(keyText));
  }

  /** Whether the transaction may begin again after this error: it is one that this connection gave. */
  isObstacle(error: unknown): error is Error {
    return error instanceof Error && this.obstacles.has(error);
  }

  /** Whether an error is a refusal by the node, rather than one of the function's own. */
  isRefusal(error: unknown): error is Error {
    return error instanceof Error && this.refusals.has(error);
  }

  /** There is no connection any more. */
  get isLost(): boolean {
    return !isOpen(this.redis);
  }

  /** From now on the connection is somebody else's. */
  end(): void {
    this.over = true;
  }

  /** Watches no more. */
  async forget(): Promise<void> {
    this.clean = await this.redis.unwatch().then(
      () => true,
      () => false,
    );
  }

  /** An error after which the transaction may begin again. */
  obstacle(error: Error): Error {
    this.obstacles.add(error);
    return error;
  }

  lost(): Error {
    return this.obstacle(new ConnectionError(this.destination.node.name, 'lost during a transaction'));
  }

  /**
   * Runs one command now.
   * @throws ReplyError, ConnectionError; OutcomeUnknownError where its connection was lost, and it must not run twice
   */
  async run(call: ResolvedCall, buffers: boolean): Promise<Reply> {
    if (this.over)
      throw new InvalidArgumentError('tx', 'The transaction is over; call its commands inside it');
    this.prepare([call]);
    const { row } = call;
    const repeatable = this.isRepeatable(call);
    try {
      const reply = await this.ask(call, buffers);
      if (!row.readonly) this.note(repeatable, row.name);
      return reply;
    } catch (error) {
      if (row.readonly || error instanceof ReplyError) throw error;
      this.note(repeatable, row.name);
      if (repeatable) throw error;
      throw new OutcomeUnknownError(row.name, 'its connection was lost before the reply', { cause: error });
    }
  }

  /** Has the node watch the keys. */
  async watchKeys(): Promise<void> {
    this.prepare([this.watch]);
    await this.ask(this.watch, false);
  }

  /** @throws ReplyError, ConnectionError */
  private async ask(call: ResolvedCall, buffers: boolean): Promise<Reply> {
    try {
      return (await callByName(this.redis, call, buffers)) as Reply;
    } catch (error) {
      if (error instanceof NodeReplyError) throw this.refusal(toReplyError((error as Error).message));
      throw this.lost();
    }
  }

  /**
   * Has the node serve commands of a slot that it is still being given. It serves keys that it has not got as well, so
   * only those are used that the node they come from has let go.
   */
  prepare(calls: readonly ResolvedCall[]): void {
    if (!this.destination.asking) return;
    for (const { row, args } of calls) {
      if (keyIndexes(row, args).every((index) => this.watched.has(keyText(args[index])))) continue;
      throw this.refusal(
        toReplyError('TRYAGAIN Keys beside the watched ones, in a slot that is being moved'),
      );
    }
    // refused, it makes the next command be refused, too
    this.redis.call('ASKING').catch(() => {});
  }

  /** A refusal by a server, which may be an obstacle. */
  refusal(reply: ReplyError): ReplyError {
    this.refusals.add(reply);
    if (isTransient(reply)) this.obstacles.add(reply);
    return reply;
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
