import { inspect } from 'node:util';
import type { RedisCommander } from 'ioredis';
import { NO_SLOT } from '../../cluster/topology/key-slot.js';
import type { ClusterEngine } from '../../cluster/cluster-engine.js';
import { keyIndexes } from '../../cluster/command-table/command-keys.js';
import { waitForReplicas } from '../../cluster/leases/wait-for-replicas.js';
import { CrossSlotError, InvalidArgumentError } from '../../cluster/common/errors.js';
import { groupBySlot, type ResolvedCall } from '../../cluster/command/resolved-call.js';
import { normalizeArguments, withCallback } from '../commands/call-arguments.js';
import type { ViewPolicy } from '../commands/call-options.js';
import type { ClusterPipeline, PipelineResults } from './cluster-pipeline.js';
import { ClusterTransaction } from './cluster-transaction.js';
import type { ClusterCommands } from '../commands/cluster-commands.js';
import { installCommands } from '../commands/install-commands.js';
import { replyShape } from '../commands/reply-transforms.js';
import { refuseFanOut } from './refuse-fan-out.js';
import type { WatchedConnection } from './watched-connection.js';

/** Options of `transaction()`. */
export interface TransactionOptions {
  /** How many times the function runs at most, if others change the watched keys meanwhile. Default 16. */
  attempts?: number | undefined;
}

/**
 * A running transaction. The keys are watched, and commands called here run immediately, on a connection of
 * their own. When the function returns what it queued with `multi()`, those commands run if no watched key has
 * changed.
 */
// oxlint-disable-next-line typescript/no-unsafe-declaration-merging -- the methods are installed below
export class WatchedTransaction {
  constructor(
    private readonly engine: ClusterEngine,
    private readonly policy: ViewPolicy,
    private readonly connection: WatchedConnection,
    private readonly watchCall: ResolvedCall,
  ) {}

  /** Runs one command now. All command methods call this. */
  send(name: string, args: unknown[], buffers: boolean): Promise<unknown> {
    return withCallback(args, () => this.run(name, args, buffers));
  }

  private async run(name: string, args: unknown[], buffers: boolean): Promise<unknown> {
    const plain = normalizeArguments(name, args);
    const whole = this.engine.scripts.withText(name, plain);
    const call = this.engine.resolve(whole?.name ?? name, whole?.args ?? plain);
    if (call.slot === NO_SLOT) refuseFanOut(call);
    refuseOtherSlot(call, this.watchCall);
    const { policy } = this;
    // the commands have contexts of their own, inside that of the transaction
    const own = policy.trace === undefined ? policy : { ...policy, trace: undefined };
    return this.engine.runner.traced(call, 'leased', own, async ({ trace }) => {
      const ended = trace?.begin();
      try {
        const reply = await this.runNow(call, buffers);
        ended?.(this.connection.nodeName);
        return reply;
      } catch (error) {
        ended?.(this.connection.nodeName, error as Error);
        throw error;
      }
    });
  }

  private async runNow(call: ResolvedCall, buffers: boolean): Promise<unknown> {
    const shape = replyShape(call.row.name, 2, buffers, this.policy.replyTypes);
    const reply = await this.connection.run(call, buffers);
    if (call.row.write) await this.confirm(call.row.name);
    return shape.transform === undefined ? reply : shape.transform(reply);
  }

  /** Waits for the replicas, if the caller wants that. */
  private async confirm(name: string): Promise<void> {
    const { durability } = this.policy;
    if (durability === undefined) return;
    await waitForReplicas(this.connection.redis, durability, name);
  }

  /** Queues commands that run atomically. Return them from the function to execute them. */
  multi(): TransactionCommands {
    return new WatchedCommands(this.engine, this.policy) as unknown as TransactionCommands;
  }

  /** Shows the node only: the transaction leads to connections and scripts, which may hold secrets. */
  [inspect.custom](): string {
    return `WatchedTransaction { node: '${this.connection.nodeName}' }`;
  }

  /** As for `util.inspect`: the node only. */
  toJSON(): { node: string } {
    return { node: this.connection.nodeName };
  }
}

// oxlint-disable-next-line typescript/no-unsafe-declaration-merging
export interface WatchedTransaction extends ClusterCommands {}

installCommands(WatchedTransaction.prototype);

/**
 * @internal The commands of a watched transaction. Returning them from the function executes them; `exec()` and
 *   the like throw.
 */
export class WatchedCommands extends ClusterTransaction {
  override exec(): never {
    return refuseExecution('exec');
  }

  override execReplies(): never {
    return refuseExecution('execReplies');
  }

  override replies(): never {
    return refuseExecution('replies');
  }
}

function refuseExecution(method: string): never {
  throw new InvalidArgumentError(
    method,
    `Return the commands from the function instead of calling ${method}()`,
  );
}

declare module 'ioredis/built/utils/RedisCommander.js' {
  interface ResultTypes<Result, Context> {
    /** A queued command returns the queue, for the next command. */
    watched: TransactionCommands;
  }
}

/**
 * Commands queued with `tx.multi()`. Returning them from the function executes them, so there is no `exec()`.
 * The type differs from that of `cluster.multi()`, whose commands the function must not return.
 */
export interface TransactionCommands extends Omit<RedisCommander<{ type: 'watched' }>, 'exec'> {
  /** The number of commands queued so far. */
  readonly length: number;
  /** Queues `[name, ...args]` entries. A name is that of a method. */
  addBatch(commands: readonly (readonly unknown[])[]): this;
  /** Distinguishes these commands from others for the compiler. It does not exist at run time. */
  readonly [queuedWithTx]: true;
}

declare const queuedWithTx: unique symbol;

/**
 * Stands for commands that another pipeline or transaction has queued. A function that returns those does not
 * compile, because they would not be executed.
 */
export interface ForeignCommands {
  readonly queueThemWith: 'tx.multi()';
}

/** Accepts every function, except one that returns commands that were not queued with `tx.multi()`. */
export type ReturnsOwnCommands<T> = 0 extends 1 & T // any
  ? unknown
  : [Extract<T, ClusterPipeline>] extends [never]
    ? unknown
    : ForeignCommands;

/** The results of the commands that the function returned, or whatever else it returned. */
export type TransactionOutcome<T> = T extends TransactionCommands ? PipelineResults : T;

/** @throws CrossSlotError if the call uses another slot than the watched keys */
export function refuseOtherSlot(call: ResolvedCall, watch: ResolvedCall): void {
  if (call.slot === NO_SLOT || call.slot === watch.slot) return;
  const keys = keyIndexes(call.row, call.args).map((index) => call.args[index]);
  throw new CrossSlotError(
    `${call.row.name.toUpperCase()} in a transaction`,
    groupBySlot([...watch.args, ...keys]),
  );
}
