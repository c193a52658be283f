import type { RedisCommander } from 'ioredis';
import { NO_SLOT } from '../../cluster/topology/key-slot.js';
import type { ClusterEngine } from '../../cluster/cluster-engine.js';
import { keyIndexes } from '../../cluster/command-table/command-keys.js';
import { waitForReplicas } from '../../cluster/leases/wait-for-replicas.js';
import { CrossSlotError, InvalidArgumentError } from '../../cluster/common/errors.js';
import { groupBySlot, type ResolvedCall } from '../../cluster/command/resolved-call.js';
import { normalizeArguments, withCallback } from '../commands/call-arguments.js';
import type { ViewPolicy } from '../commands/call-options.js';
import { refuseSpread, type ClusterPipeline, type PipelineResults } from './cluster-pipeline.js';
import { ClusterTransaction } from './cluster-transaction.js';
import type { ClusterCommands } from '../commands/cluster-commands.js';
import { installCommands } from '../commands/install-commands.js';
import { replyShape } from '../commands/reply-transforms.js';
import type { WatchedConnection } from './watched-connection.js';

/** What `transaction()` may be told. */
export interface TransactionOptions {
  /** How often the function is run at most, where others change the watched keys meanwhile. Default 16. */
  attempts?: number | undefined;
}

/**
 * A transaction under way: the keys are watched, and commands called here run at once, on a connection of its own.
 * What `multi()` queues is executed when the function returns it, if no watched key has changed by then.
 */
// oxlint-disable-next-line typescript/no-unsafe-declaration-merging -- the methods are installed below
export class WatchedTransaction {
  constructor(
    private readonly engine: ClusterEngine,
    private readonly policy: ViewPolicy,
    private readonly connection: WatchedConnection,
    private readonly watch: ResolvedCall,
  ) {}

  /** Runs one command now. The methods named for commands all come here. */
  send(name: string, args: unknown[], buffers: boolean): Promise<unknown> {
    return withCallback(args, () => this.run(name, args, buffers));
  }

  private async run(name: string, args: unknown[], buffers: boolean): Promise<unknown> {
    const plain = normalizeArguments(name, args);
    const whole = this.engine.scripts.whole(name, plain);
    const call = this.engine.resolve(whole?.name ?? name, whole?.args ?? plain);
    if (call.slot === NO_SLOT) refuseSpread(call);
    refuseOtherSlot(call, this.watch);
    const shape = replyShape(call.row.name, 2, buffers, this.policy.replyTypes);
    const reply = await this.connection.run(call, buffers);
    if (call.row.write) await this.confirm(call.row.name);
    return shape.transform === undefined ? reply : shape.transform(reply);
  }

  /** Waits for the replicas, where the caller wants that. */
  private async confirm(name: string): Promise<void> {
    const { durability } = this.policy;
    if (durability === undefined) return;
    await waitForReplicas(this.connection.redis, durability, name);
  }

  /** Begins the commands that are to be executed in one piece; give it back from the function. */
  multi(): TransactionCommands {
    return new WatchedCommands(this.engine, this.policy) as unknown as TransactionCommands;
  }
}

// oxlint-disable-next-line typescript/no-unsafe-declaration-merging
export interface WatchedTransaction extends ClusterCommands {}

installCommands(WatchedTransaction.prototype);

/**
 * @internal The commands of a watched transaction. They are executed by giving this back from the function, not by
 * `exec()`.
 */
export class WatchedCommands extends ClusterTransaction {
  override exec(): never {
    throw new InvalidArgumentError('exec', 'Return the commands from the function; they are executed then');
  }
}

declare module 'ioredis/built/utils/RedisCommander.js' {
  interface ResultTypes<Result, Context> {
    /** None yet: the commands of a watched transaction, for the next one. */
    watched: TransactionCommands;
  }
}

/**
 * Commands queued with `tx.multi()`. They are executed by returning them from the function, so there is no `exec()`.
 * The type is not that of `cluster.multi()`, whose commands the function must not return.
 */
export interface TransactionCommands extends Omit<RedisCommander<{ type: 'watched' }>, 'exec'> {
  /** Commands queued so far. */
  readonly length: number;
  /** Queues `[name, ...args]` entries; the names are those of methods. */
  addBatch(commands: readonly (readonly unknown[])[]): this;
  /** Tells the compiler these commands from others; there is nothing at runtime. */
  readonly [queuedWithTx]: true;
}

declare const queuedWithTx: unique symbol;

/**
 * Commands that another pipeline or transaction has queued. A function that returns them does not compile: they would
 * not be executed.
 */
export interface ForeignCommands {
  readonly queueThemWith: 'tx.multi()';
}

/** Asks nothing of a function, unless it returns commands that were not queued with `tx.multi()`. */
export type ReturnsOwnCommands<T> = 0 extends 1 & T // any
  ? unknown
  : [Extract<T, ClusterPipeline>] extends [never]
    ? unknown
    : ForeignCommands;

/** Results of the commands that the function gave back, or whatever else it gave back. */
export type TransactionOutcome<T> = T extends TransactionCommands ? PipelineResults : T;

/** @throws CrossSlotError for a call of another slot than that of the watched keys */
export function refuseOtherSlot(call: ResolvedCall, watch: ResolvedCall): void {
  if (call.slot === NO_SLOT || call.slot === watch.slot) return;
  const keys = keyIndexes(call.row, call.args).map((index) => call.args[index]);
  throw new CrossSlotError(
    `${call.row.name.toUpperCase()} in a transaction`,
    groupBySlot([...watch.args, ...keys]),
  );
}
