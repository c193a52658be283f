import { ReplyError as NodeReplyError, type Redis } from 'ioredis';
import { setTimeout as delay } from 'node:timers/promises';
import { backoffMs } from '../cluster/backoff.js';
import type { BatchEntry } from '../cluster/batch.js';
import type { ClusterEngine } from '../cluster/cluster-engine.js';
import { NO_SLOT, type CallPolicy } from '../cluster/command.js';
import { keyIndexes } from '../cluster/command-keys.js';
import {
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
import { REFUSALS } from '../cluster/refusals.js';
import { toReplyError } from '../cluster/reply-error.js';
import type { Reply } from '../cluster/reply.js';
import { groupBySlot, resolveCall, type ResolvedCall } from '../cluster/resolved-call.js';
import { normalizeArguments, withCallback } from './call-arguments.js';
import { refuseSpread, type ClusterPipeline, type PipelineResults } from './cluster-pipeline.js';
import { ClusterTransaction } from './cluster-transaction.js';
import type { ClusterCommands } from './cluster-view.js';
import { installCommands } from './install-commands.js';
import { replyTransform } from './reply-transforms.js';

/** How often a transaction is tried that others keep interfering with. */
const DEFAULT_ATTEMPTS = 16;

/** What `transaction()` may be told. */
export interface TransactionOptions {
  /** How often the function is run at most, where others change the watched keys meanwhile. Default 16. */
  attempts?: number;
}

/**
 * A transaction under way: the keys are watched, and commands called here run at once, on a connection of its own.
 * What `multi()` queues is executed when the function returns it, if no watched key has changed by then.
 */
// oxlint-disable-next-line typescript/no-unsafe-declaration-merging -- the methods are installed below
export class WatchedTransaction {
  constructor(
    private readonly engine: ClusterEngine,
    private readonly policy: CallPolicy,
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
    const reply = await callOn(this.redis, { call, buffers, transform: undefined });
    const transform = replyTransform(call.row.name, 2);
    return transform === undefined ? reply : transform(reply);
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
 *   lost while EXEC was under way, and whatever `fn` throws
 */
export async function runWatched<T>(
  engine: ClusterEngine,
  policy: CallPolicy,
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
  const giveUpAt = performance.now() + policy.deadlineMs;
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
    if (performance.now() >= giveUpAt) {
      throw new DeadlineExceededError('The transaction', policy.deadlineMs, { cause: obstacle });
    }
    await delay(backoffMs(attempt));
  }
}

const CONFLICT = Symbol('conflict');

async function attemptOnce<T>(
  engine: ClusterEngine,
  policy: CallPolicy,
  watch: ResolvedCall,
  fn: (tx: WatchedTransaction) => Promise<T>,
  until: number,
): Promise<PipelineResults | T | typeof CONFLICT> {
  const node = engine.topology.nodeForSlot(watch.slot);
  if (node === undefined)
    throw new TopologyError('SLOTS_NOT_COVERED', `No node serves slot ${watch.slot} at present`);
  const lease = await engine.leases.lease(node);
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
    return results ?? CONFLICT;
  } finally {
    unwatch();
    // a connection that may still be watching, or in a transaction, is nobody else's
    if (clean) lease.release();
    else lease.discard();
  }
}

async function execute(
  lease: Lease,
  commands: WatchedCommands,
  watch: ResolvedCall,
): Promise<PipelineResults | undefined> {
  const entries = commands.queued();
  for (const { call } of entries) refuseOtherSlot(call, watch);
  const block = lease.redis.multi();
  for (const { call, buffers } of entries) {
    if (buffers) block.callBuffer(call.name, call.args);
    else block.call(call.name, call.args);
  }
  let results: [Error | null, unknown][] | null;
  try {
    results = await block.exec();
  } catch (error) {
    throw (
      refusalIn(error) ??
      new OutcomeUnknownError('EXEC', 'its connection was lost before the reply', { cause: asOurs(error) })
    );
  }
  const outcome = results?.map(([error, reply], index) => shaped(entries[index], error, reply));
  if (outcome !== undefined) commands.tell(outcome);
  return outcome;
}

function shaped({ transform }: BatchEntry, error: Error | null, reply: unknown): [Error | null, unknown] {
  if (error !== null) return [asOurs(error), undefined];
  return [null, transform === undefined ? reply : transform(reply as Reply)];
}

async function callOn(redis: Redis, { call, buffers }: BatchEntry): Promise<Reply> {
  const reply = buffers ? redis.callBuffer(call.name, call.args) : redis.call(call.name, call.args);
  return (await passing(reply, `${redis.options.host}:${redis.options.port}`)) as Reply;
}

/** Until EXEC nothing is written, so a connection that dies is only a reason to begin again. */
async function passing<R>(reply: Promise<R>, node: string): Promise<R> {
  try {
    return await reply;
  } catch (error) {
    if (error instanceof NodeReplyError) throw asOurs(error);
    throw new ConnectionError(node, 'lost during a transaction');
  }
}

/** A refusal that says that nothing of the transaction was executed. */
function refusalIn(error: unknown): Error | undefined {
  if (!(error instanceof NodeReplyError)) return undefined;
  const previous = (error as { previousErrors?: Error[] }).previousErrors ?? [];
  return [...previous.map(asOurs), asOurs(error)].find(isPassing) ?? asOurs(error);
}

function asOurs(error: unknown): Error {
  const { message } = error as Error;
  return error instanceof NodeReplyError ? toReplyError(message) : new ConnectionError('a node', message);
}

function isPassing(error: unknown): error is Error {
  if (error instanceof ReplyError) return REFUSALS.has(error.code);
  return error instanceof ConnectionError || error instanceof TopologyError;
}

/** @throws CrossSlotError, InvalidArgumentError */
function watchCall(engine: ClusterEngine, keys: readonly (string | Buffer)[]): ResolvedCall {
  if (!Array.isArray(keys) || keys.length === 0)
    throw new InvalidArgumentError('keys', 'A transaction needs a list of at least one key to watch');
  return resolveCall(engine.table, 'watch', normalizeArguments('watch', [...keys]), engine.options.keyPrefix);
}

function refuseOtherSlot(call: ResolvedCall, watch: ResolvedCall): void {
  if (call.slot === NO_SLOT || call.slot === watch.slot) return;
  const keys = keyIndexes(call.row, call.args).map((index) => call.args[index]);
  throw new CrossSlotError(
    `${call.row.name.toUpperCase()} in a transaction`,
    groupBySlot([...watch.args, ...keys]),
  );
}
