import { ReplyError as NodeReplyError, type Redis } from 'ioredis';
import { backoffMs } from '../cluster/backoff.js';
import type { ClusterEngine } from '../cluster/cluster-engine.js';
import { NO_SLOT, type CallPolicy } from '../cluster/command.js';
import { keyIndexes } from '../cluster/command-keys.js';
import { waitForReplicas } from '../cluster/durable-writes.js';
import {
  ClusterError,
  ConnectionError,
  CrossSlotError,
  DeadlineExceededError,
  InvalidArgumentError,
  OutcomeUnknownError,
  ReplyError,
  TopologyError,
  TransactionConflictError,
} from '../cluster/errors.js';
import type { Lease } from '../cluster/lease-pool.js';
import { watchLease } from '../cluster/lease-watch.js';
import { executeBlock, writesDurably } from '../cluster/leased-block.js';
import { callByName } from '../cluster/node-call.js';
import { REFUSALS } from '../cluster/refusals.js';
import { toReplyError } from '../cluster/reply-error.js';
import type { Reply } from '../cluster/reply.js';
import { groupBySlot, resolveCall, type ResolvedCall } from '../cluster/resolved-call.js';
import { delay, monotonicMs } from '../cluster/timers.js';
import type { ViewPolicy } from './call-options.js';
import { normalizeArguments, withCallback } from './call-arguments.js';
import { refuseSpread, type ClusterPipeline, type PipelineResults } from './cluster-pipeline.js';
import { ClusterTransaction } from './cluster-transaction.js';
import type { ClusterCommands } from './cluster-view.js';
import { installCommands } from './install-commands.js';
import { replyShape } from './reply-transforms.js';

/** How often a transaction is tried that others keep interfering with. */
const DEFAULT_ATTEMPTS = 16;

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
    private readonly redis: Redis,
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
    const reply = await callOn(this.redis, call, buffers);
    if (call.row.write) await confirm(this.redis, call.row.name, this.policy);
    return shape.transform === undefined ? reply : shape.transform(reply);
  }

  /** Begins the commands that are to be executed in one piece; give it back from the function. */
  multi(): WatchedCommands {
    return new WatchedCommands(this.engine, this.policy);
  }
}

// oxlint-disable-next-line typescript/no-unsafe-declaration-merging
export interface WatchedTransaction extends ClusterCommands {}

installCommands(WatchedTransaction.prototype);

/** The commands of a watched transaction. They are executed by giving this back from the function, not by `exec()`. */
export class WatchedCommands extends ClusterTransaction {
  override exec(): never {
    throw new InvalidArgumentError('exec', 'Return the commands from the function; they are executed then');
  }
}

/** Results of the commands that the function gave back, or whatever else it gave back. */
export type TransactionOutcome<T> = T extends ClusterPipeline ? PipelineResults : T;

/**
 * Runs `fn` with the keys watched, and executes the commands it gives back unless a watched key has changed; then it
 * all begins again. What `fn` gives back instead of commands is the result, and nothing is written.
 *
 * @throws CrossSlotError, TransactionConflictError after the last attempt, OutcomeUnknownError where the connection was
 *   lost while EXEC was under way, DurabilityError where too few replicas have confirmed it, and whatever `fn` throws
 */
export async function runWatched<T>(
  engine: ClusterEngine,
  policy: ViewPolicy,
  keys: readonly (string | Buffer)[],
  fn: (tx: WatchedTransaction) => Promise<T>,
  { attempts = DEFAULT_ATTEMPTS }: TransactionOptions,
): Promise<TransactionOutcome<T>> {
  if (!Number.isInteger(attempts) || attempts < 1) {
    throw new InvalidArgumentError('attempts', 'attempts must be a whole number of at least 1');
  }
  if (typeof fn !== 'function') throw new InvalidArgumentError('fn', 'A transaction needs a function');
  const watch = watchCall(engine, keys);
  await engine.connect();
  const giveUpAt = monotonicMs() + policy.deadlineMs;
  let obstacle: Error | undefined;
  for (let attempt = 1, conflicts = 0; ; attempt++) {
    try {
      const outcome = await attemptOnce(engine, policy, watch, fn, giveUpAt);
      if (outcome !== CONFLICT) return outcome as TransactionOutcome<T>;
      if (++conflicts >= attempts) throw new TransactionConflictError(attempts);
    } catch (error) {
      if (!isPassing(error)) throw error;
      obstacle = error;
      engine.reportStale();
    }
    if (monotonicMs() >= giveUpAt) {
      throw new DeadlineExceededError('The transaction', policy.deadlineMs, { cause: obstacle });
    }
    await delay(backoffMs(attempt));
  }
}

const CONFLICT = Symbol('conflict');

async function attemptOnce<T>(
  engine: ClusterEngine,
  policy: ViewPolicy,
  watch: ResolvedCall,
  fn: (tx: WatchedTransaction) => Promise<T>,
  until: number,
): Promise<PipelineResults | T | typeof CONFLICT> {
  const node = engine.topology.nodeForSlot(watch.slot);
  if (node === undefined)
    throw new TopologyError('SLOTS_NOT_COVERED', `No node serves slot ${watch.slot} at present`);
  const lease = await engine.leases.lease(node, until);
  const unwatch = watchLease(engine, lease, { node, slot: watch.slot, signal: policy.signal, until });
  let clean = false;
  try {
    await passing(lease.redis.watch(...watch.args), node.name);
    const given = await fn(new WatchedTransaction(engine, policy, lease.redis, watch));
    if (!(given instanceof WatchedCommands)) {
      await passing(lease.redis.unwatch(), node.name);
      clean = true;
      return given;
    }
    const results = await execute(lease, given, watch);
    clean = true;
    if (results === null) return CONFLICT;
    if (writesDurably(given.queued(), policy)) await confirm(lease.redis, 'EXEC', policy);
    given.tell(results);
    return results;
  } finally {
    unwatch();
    // a connection that may still be watching, or in a transaction, is nobody else's
    if (clean) lease.release();
    else lease.discard();
  }
}

async function execute(
  { redis }: Lease,
  commands: WatchedCommands,
  watch: ResolvedCall,
): Promise<PipelineResults | null> {
  for (const { call } of commands.queued()) refuseOtherSlot(call, watch);
  try {
    return await executeBlock(redis, commands.queued());
  } catch (error) {
    throw ended('EXEC', error);
  }
}

/** Waits for the replicas, where the caller wants that. */
async function confirm(redis: Redis, name: string, { durability }: CallPolicy): Promise<void> {
  if (durability === undefined) return;
  await waitForReplicas(redis, durability).catch((error: unknown) => {
    throw ended(name, error);
  });
}

/** What became of something that writes: what is known of it, or that nothing is, as its connection ended. */
function ended(name: string, error: unknown): Error {
  if (error instanceof ClusterError) return error;
  const cause = new ConnectionError('a node', (error as Error).message);
  return new OutcomeUnknownError(name, 'its connection was lost before the reply', { cause });
}

async function callOn(redis: Redis, call: ResolvedCall, buffers: boolean): Promise<Reply> {
  const reply = callByName(redis, call, buffers);
  return (await passing(reply, `${redis.options.host}:${redis.options.port}`)) as Reply;
}

/** Until EXEC nothing is written, so a connection that dies is only a reason to begin again. */
async function passing<R>(reply: Promise<R>, node: string): Promise<R> {
  try {
    return await reply;
  } catch (error) {
    if (error instanceof NodeReplyError) throw toReplyError((error as Error).message);
    throw new ConnectionError(node, 'lost during a transaction');
  }
}

function isPassing(error: unknown): error is Error {
  if (error instanceof ReplyError) return REFUSALS.has(error.code);
  return error instanceof ConnectionError || error instanceof TopologyError;
}

/** @throws CrossSlotError, InvalidArgumentError */
function watchCall(engine: ClusterEngine, keys: readonly (string | Buffer)[]): ResolvedCall {
  if (!Array.isArray(keys) || keys.length === 0)
    throw new InvalidArgumentError('keys', 'A transaction needs a list of at least one key to watch');
  const args = normalizeArguments('watch', [...keys]);
  return resolveCall(engine.rowOf('watch', args), 'watch', args, engine.options.keyPrefix);
}

function refuseOtherSlot(call: ResolvedCall, watch: ResolvedCall): void {
  if (call.slot === NO_SLOT || call.slot === watch.slot) return;
  const keys = keyIndexes(call.row, call.args).map((index) => call.args[index]);
  throw new CrossSlotError(
    `${call.row.name.toUpperCase()} in a transaction`,
    groupBySlot([...watch.args, ...keys]),
  );
}
