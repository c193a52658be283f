import { afterAttempts } from '../../cluster/retry/attempt-outcome.js';
import type { Attempt } from '../../cluster/retry/retry-until.js';
import { CallLimit } from '../../cluster/command/call-limit.js';
import type { ClusterEngine } from '../../cluster/cluster-engine.js';
import { waitForReplicas } from '../../cluster/leases/wait-for-replicas.js';
import {
  ClientClosedError,
  ClusterError,
  ConnectionError,
  InvalidArgumentError,
  OutcomeUnknownError,
  ReplyError,
  TransactionConflictError,
} from '../../cluster/common/errors.js';
import { describeKind, describeValue } from '../../cluster/common/describe-value.js';
import { isFinal, type Lease } from '../../cluster/leases/lease-pool.js';
import { watchLease } from '../../cluster/leases/lease-watch.js';
import { executeBlock, writesDurably } from '../../cluster/leases/leased-transaction.js';
import { batchFields } from '../../cluster/batch-trace.js';
import { keysOf } from '../../cluster/command/resolved-call.js';
import { CallTrace, emptyRouting } from '../../cluster/diagnostics/call-trace.js';
import { captureCaller } from '../../cluster/diagnostics/caller-stack.js';
import { transactionChannel } from '../../cluster/diagnostics/channels.js';
import type { KeyslotTransactionContext } from '../../cluster/diagnostics/contexts.js';
import { lacksPlace, placed } from '../../cluster/diagnostics/error-place.js';
import { contextOf, traced } from '../../cluster/diagnostics/traced.js';
import { LeasedRoute, type Destination } from '../../cluster/leases/leased-route.js';
import { resolveCall, type ResolvedCall } from '../../cluster/command/resolved-call.js';
import { normalizeArguments } from '../commands/call-arguments.js';
import type { ViewPolicy } from '../commands/call-options.js';
import { ClusterPipeline, type PipelineResults } from './cluster-pipeline.js';
import { WatchedConnection, type WritesAtOnce } from './watched-connection.js';
import {
  refuseOtherSlot,
  WatchedCommands,
  WatchedTransaction,
  type TransactionOptions,
  type TransactionOutcome,
} from './watched-transaction.js';

/** How many times a transaction is tried if others keep changing its watched keys. */
const DEFAULT_ATTEMPTS = 16;
const NAME = 'The transaction';

type Outcome<T> = Attempt<PipelineResults | T> | 'conflict';

/** Runs the attempts of one transaction. */
export class TransactionRun<T> {
  private readonly limit: CallLimit;
  private readonly route: LeasedRoute;
  private readonly writes: WritesAtOnce = { some: false, unrepeatable: undefined };

  constructor(
    private readonly engine: ClusterEngine,
    private readonly policy: ViewPolicy,
    private readonly watch: ResolvedCall,
    private readonly fn: (tx: WatchedTransaction) => Promise<T>,
    private readonly attempts: number,
    private readonly context?: KeyslotTransactionContext,
  ) {
    this.limit = new CallLimit(NAME, policy.deadlineMs, policy.signal);
    this.route = new LeasedRoute(engine, watch.slot, undefined, policy.trace);
  }

  async run(): Promise<PipelineResults | T> {
    const ended = this.policy.trace?.begin();
    try {
      const result = await this.follow();
      ended?.(this.route.node?.name);
      return result;
    } catch (error) {
      const failure = this.inPlace(error);
      ended?.(this.route.node?.name, failure as Error);
      // errors of the function are not the cluster's
      if (failure instanceof ClusterError) this.route.counters.callFailed(failure);
      throw failure;
    }
  }

  private noteConflict(): void {
    const { context } = this;
    if (context === undefined) return;
    context.conflicts++;
    context.attempts++;
  }

  /** An error of ours with the place of the transaction; what the function threw as it is. */
  private inPlace(error: unknown): unknown {
    if (!lacksPlace(error)) return error;
    const { route, watch, policy } = this;
    const failure = placed(error, {
      command: 'EXEC',
      node: route.node?.name,
      slot: watch.slot,
      attempts: Math.max(1, route.attempts),
      keys: policy.errorKeys ? keysOf(watch) : undefined,
    });
    captureCaller(failure, TransactionRun.prototype.run);
    return failure;
  }

  private async follow(): Promise<PipelineResults | T> {
    const { engine, limit, route, policy } = this;
    if (limit.over) throw limit.error();
    if (engine.state !== 'ready') await limit.wait(engine.connect());
    let conflicts = 0;
    return route.follow<PipelineResults | T>(
      limit,
      policy.retry,
      async (destination) => {
        const outcome = await this.attempt(destination);
        if (outcome === 'conflict') {
          this.noteConflict();
          if (++conflicts >= this.attempts) throw new TransactionConflictError(this.attempts);
          return { lastError: undefined };
        }
        if (!('result' in outcome) && outcome.lastError !== undefined)
          this.refuseSecondRun(outcome.lastError);
        return outcome;
      },
      (error) => this.withOutcome(error),
    );
  }

  /** Throws if another run of the function could execute a write a second time that must run only once. */
  private refuseSecondRun(error: Error): void {
    const { unrepeatable } = this.writes;
    if (unrepeatable === undefined) return;
    const reason = `its ${unrepeatable.toUpperCase()} may have been executed, and must not be executed twice`;
    throw new OutcomeUnknownError(NAME, reason, { cause: error });
  }

  private async attempt(destination: Destination): Promise<Outcome<T>> {
    const { engine, limit, policy, watch } = this;
    const { node } = destination;
    let lease: Lease;
    try {
      lease = await engine.leases.lease(node, { limit, blocking: false });
    } catch (error) {
      if (isFinal(error) && !limit.over) throw this.withOutcome(error as Error);
      engine.reportStale();
      return { lastError: error as Error };
    }
    const wroteBefore = this.writes.some;
    const unwatch = watchLease(engine, lease, { node, slot: watch.slot, limit, blocking: false });
    const connection = new WatchedConnection(
      lease.redis,
      destination,
      watch,
      policy,
      this.writes,
      this.route.counters,
      (calls) => engine.runner.writing(calls),
    );
    try {
      return await this.runOn(connection);
    } catch (error) {
      if (!connection.canStartOver(error) && !limit.ended(error)) {
        // the refusal concerns this attempt only; an earlier one may have written
        throw wroteBefore && connection.isRefusal(error) ? this.withOutcome(error) : error;
      }
      engine.reportStale();
      return { lastError: error as Error };
    } finally {
      unwatch();
      connection.end();
      // a connection that may still be watching, or in a transaction, cannot be reused
      if (connection.clean) lease.release();
      else lease.discard();
    }
  }

  private async runOn(connection: WatchedConnection): Promise<Outcome<T>> {
    const { engine, limit, policy, watch, fn } = this;
    await connection.watchKeys();
    const tx = new WatchedTransaction(engine, policy, connection, watch);
    const given = await limit.wait((async () => fn(tx))());
    if (given instanceof WatchedCommands) return this.execute(connection, given);
    if (given instanceof ClusterPipeline) throw foreignCommands();
    await connection.forget();
    return { result: given };
  }

  private async execute(connection: WatchedConnection, commands: WatchedCommands): Promise<Outcome<T>> {
    const { engine, policy, watch } = this;
    const entries = commands.queued();
    const calls = entries.map(({ call }) => call);
    if (this.context !== undefined) {
      Object.assign(this.context, batchFields(entries, engine.options.telemetryKeys));
    }
    for (const call of calls) refuseOtherSlot(call, watch);
    if (connection.isLost) throw connection.lost();
    connection.prepare(calls);
    this.route.counters.commands++;
    const results = await executeBlock(connection.redis, entries).catch((error: unknown) => {
      if (error instanceof ReplyError) throw connection.refusal(error);
      throw error instanceof ClusterError ? error : this.lostExec(error as Error);
    });
    connection.clean = true;
    if (results === null) return 'conflict';
    if (writesDurably(entries, policy)) {
      await waitForReplicas(connection.redis, policy.durability, 'EXEC');
    }
    commands.notifyCallbacks(results);
    return { result: results };
  }

  private lostExec({ message }: Error): OutcomeUnknownError {
    const { signal } = this.limit;
    if (signal?.aborted) {
      return new OutcomeUnknownError('EXEC', 'it was aborted after it was sent', { cause: signal.reason });
    }
    const closed = this.engine.leases.closed;
    const cause = closed ? new ClientClosedError() : new ConnectionError('a node', message);
    const reason = closed ? 'the client was closed' : 'its connection was lost';
    return new OutcomeUnknownError('EXEC', `${reason} before the reply`, { cause });
  }

  /** Returns the error for the caller: outcome unknown if the function may have written something. */
  private withOutcome(error: Error): Error {
    return afterAttempts(NAME, error, this.writes.some);
  }
}

function foreignCommands(): InvalidArgumentError {
  return new InvalidArgumentError(
    'fn',
    'The function returned commands that its own tx.multi() did not create. They would not be executed. ' +
      'Queue them with tx.multi().',
  );
}

/**
 * Watches the keys, runs `fn`, and executes the commands it returns unless a watched key has changed; in that
 * case it starts over. If `fn` returns something other than commands, that is the result, and nothing is
 * executed.
 *
 * @throws CrossSlotError, TransactionConflictError after the last attempt, CommandAbortedError,
 *   DeadlineExceededError
 * @throws OutcomeUnknownError if the connection was lost during EXEC, or during a write of `fn` that must not
 *   run twice
 * @throws DurabilityError if too few replicas have confirmed the write; and whatever `fn` throws
 */
export async function runWatched<T>(
  engine: ClusterEngine,
  policy: ViewPolicy,
  keys: readonly (string | Buffer)[],
  fn: (tx: WatchedTransaction) => Promise<T>,
  { attempts = DEFAULT_ATTEMPTS }: TransactionOptions,
): Promise<TransactionOutcome<T>> {
  if (!Number.isInteger(attempts) || attempts < 1) {
    throw new InvalidArgumentError(
      'attempts',
      `attempts must be a whole number of at least 1, got ${describeValue(attempts)}`,
    );
  }
  if (typeof fn !== 'function') {
    throw new InvalidArgumentError('fn', `A transaction needs a function, got ${describeKind(fn)}`);
  }
  const watch = watchCall(engine, keys);
  const run = (followed: ViewPolicy, context?: KeyslotTransactionContext): Promise<unknown> =>
    engine.runner.untilFinished(new TransactionRun(engine, followed, watch, fn, attempts, context).run());
  const outcome = transactionChannel.hasSubscribers ? runTraced(engine, policy, watch, run) : run(policy);
  return outcome as Promise<TransactionOutcome<T>>;
}

function runTraced(
  engine: ClusterEngine,
  policy: ViewPolicy,
  watch: ResolvedCall,
  run: (policy: ViewPolicy, context: KeyslotTransactionContext) => Promise<unknown>,
): Promise<unknown> {
  const context: KeyslotTransactionContext = {
    ...contextOf(engine.options),
    kind: 'watch',
    slot: watch.slot,
    batchSize: 0,
    commands: [],
    conflicts: 0,
    ...emptyRouting(),
  };
  return traced(transactionChannel, context, () =>
    run({ ...policy, trace: new CallTrace(context) }, context),
  );
}

/** @throws CrossSlotError, InvalidArgumentError */
function watchCall(engine: ClusterEngine, keys: readonly (string | Buffer)[]): ResolvedCall {
  if (!Array.isArray(keys) || keys.length === 0)
    throw new InvalidArgumentError(
      'keys',
      `A transaction needs a list of at least one key to watch, got ${describeKind(keys)}`,
    );
  const args = normalizeArguments('watch', [...keys]);
  return resolveCall(engine.resolver.rowOf('watch', args), 'watch', args, engine.options.keyPrefix);
}
