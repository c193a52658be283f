import { CachedCalls } from './cached-calls.js';
import { isBlocking, unknownCommandRow } from './command-table/command-table.js';
import { blockingMs } from './command-table/blocking-timeout.js';
import type { CallPolicy, CallShape } from './command/call-policy.js';
import { CallLimit } from './command/call-limit.js';
import {
  CommandWithNode,
  PartialCommand,
  PromisedCommand,
  type ReplyWithNode,
} from './command/promised-command.js';
import { runBriefly } from './command/replica-wait.js';
import { TracedCommand } from './command/traced-command.js';
import { ReadyCommand } from './command/ready-command.js';
import { keysOf, type ResolvedCall } from './command/resolved-call.js';
import { monotonicMs } from './common/timers.js';
import { thrownToCaller } from './diagnostics/caller-stack.js';
import { CallTrace, NO_EVENTS, NO_NODES, NO_REDIRECTS } from './diagnostics/call-trace.js';
import { commandChannel } from './diagnostics/channels.js';
import { epochMs, traced } from './diagnostics/traced.js';
import type { KeyslotCommandContext } from './diagnostics/contexts.js';
import type { CommandIntake } from './command-intake.js';
import type { CommandResolver } from './command-resolver.js';
import type { LeaseHost } from './leases/lease-host.js';
import { LeasedCall } from './leases/leased-call.js';
import { LeasedCommand, type LeasedWork } from './leases/leased-command.js';
import { withStreamEnds } from './leases/stream-ends.js';
import { dropWritten } from './own-writes.js';
import type { Argument } from './protocol/request-encoder.js';
import { fanOuts, type FanOutPolicy } from './routing/fan-out.js';
import { PartialFailureError } from './retry/partial-failure-error.js';
import type { Router } from './routing/router.js';
import { NO_SLOT } from './topology/key-slot.js';
import type { ClusterNode } from './topology/topology.js';

/** Commands that a server accepts while it runs a script. The connection that started the script reads nothing. */
const SCRIPT_ENDINGS: ReadonlySet<string> = new Set(['script kill', 'function kill', 'function stats']);

/** How a call runs. */
function kindOf({ row, slot, args }: ResolvedCall, policy: CallPolicy): KeyslotCommandContext['kind'] {
  const { request } = row;
  if (slot === NO_SLOT && request !== 'slot' && request !== 'defaultNode') return 'fanOut';
  return isBlocking(row, args) || (policy.durability !== undefined && row.write) ? 'leased' : 'single';
}

/** How long a call may wait on purpose, in ms. */
function waitOf({ row, args }: ResolvedCall, { durability }: CallPolicy): number | undefined {
  const blocksFor = isBlocking(row, args) ? blockingMs(row.name, args) : 0;
  const waits = blocksFor + (durability !== undefined && row.write ? durability.timeoutMs : 0);
  return waits === 0 ? undefined : waits;
}

/** Runs calls: on a shared connection, on a leased one, or as one request per node. */
export class CommandRunner {
  /** Calls that run on leased connections. */
  leasedCalls = 0;
  /** Reads that may be answered from memory, if the client has a cache. */
  readonly cached: CachedCalls | undefined;

  constructor(
    private readonly host: LeaseHost,
    private readonly router: Router,
    private readonly resolver: CommandResolver,
    private readonly intake: CommandIntake,
  ) {
    this.cached = router.cache && new CachedCalls(router.cache, this, resolver, intake);
  }

  /**
   * Runs one command wherever it belongs, and returns its reply.
   * @throws InvalidArgumentError, CrossSlotError, BlockedCommandError before anything is sent
   */
  run(name: string, args: Argument[], policy: CallPolicy, shape: CallShape): Promise<unknown> {
    const { resolver } = this;
    const row = resolver.table.lookup(name, args);
    if (row === undefined && resolver.mayLearn(name)) {
      const limit = new CallLimit(name, policy.deadlineMs, policy.signal);
      return limit.wait(resolver.learn()).then(() => this.run(name, args, policy, shape));
    }
    let call: ResolvedCall;
    try {
      call = resolver.resolveRow(row ?? unknownCommandRow(name, args), name, args);
    } catch (error) {
      return Promise.reject(error as Error);
    }
    const kind = kindOf(call, policy);
    if (!commandChannel.hasSubscribers) return this.runners[kind](call, policy, shape);
    if (kind === 'single') return this.runSingleTraced(call, policy, shape);
    return this.traced(call, kind, policy, (followed) => this.runners[kind](call, followed, shape));
  }

  /** As `traced` of `runSingle`, at half its cost: most calls are of this kind. */
  private runSingleTraced(call: ResolvedCall, policy: CallPolicy, shape: CallShape): Promise<unknown> {
    if (policy.trace !== undefined) return this.runSingle(call, policy, shape);
    const context = this.contextOf(call, 'single', undefined);
    context.attempts = 1;
    return traced(
      commandChannel,
      context,
      () =>
        new Promise((resolve) => {
          const trace = new CallTrace(context);
          this.intake.submit(new TracedCommand(call, policy, shape, resolve, trace, context.startedAt));
        }),
    );
  }

  /** Publishes the course of a call that somebody listens to. @param run gets the policy with which it is followed */
  traced<P extends CallPolicy, T>(
    call: ResolvedCall,
    kind: KeyslotCommandContext['kind'],
    policy: P,
    run: (policy: P) => Promise<T>,
  ): Promise<T> {
    // a message is traced as it is published, and so has no command of its own
    if (!commandChannel.hasSubscribers || policy.trace !== undefined) return run(policy);
    const waitMs = kind === 'leased' ? waitOf(call, policy) : undefined;
    const context = this.contextOf(call, kind, waitMs);
    return traced(commandChannel, context, () => run({ ...policy, trace: new CallTrace(context) }));
  }

  private contextOf(
    call: ResolvedCall,
    kind: KeyslotCommandContext['kind'],
    waitMs: number | undefined,
  ): KeyslotCommandContext {
    const { row, args, slot } = call;
    const { clientId, clientName, telemetryKeys } = this.host.options;
    // one literal with all fields: V8 takes 15 µs to put such an object together from others
    return {
      clientId,
      clientName,
      startedAt: epochMs(),
      command: row.name.toUpperCase(),
      argumentCount: args.length,
      kind,
      slot: slot === NO_SLOT ? undefined : slot,
      waitMs,
      keys: telemetryKeys ? keysOf(call) : undefined,
      outcome: undefined,
      errorCode: undefined,
      error: undefined,
      node: undefined,
      address: undefined,
      port: undefined,
      nodes: NO_NODES,
      attempts: 0,
      redirects: NO_REDIRECTS,
      retries: 0,
      events: NO_EVENTS,
    };
  }

  private readonly runners: Record<
    KeyslotCommandContext['kind'],
    (call: ResolvedCall, policy: CallPolicy, shape: CallShape) => Promise<unknown>
  > = {
    single: (call, policy, shape) => this.runSingle(call, policy, shape),
    leased: (call, policy, shape) => {
      const prepared = withStreamEnds(call, (key) => this.newestEntry(key, call.slot, policy));
      return this.runLeased(new LeasedCommand(call, policy, shape, this.router.scripts, prepared), policy);
    },
    fanOut: (call, policy, shape) => this.runFannedOut(call, policy, shape),
  };

  /** Reads the newest entry of a stream, in the order of the caller's calls. */
  private newestEntry(key: Argument, slot: number, policy: CallPolicy): Promise<unknown> {
    const args = [key, '+', '-', 'COUNT', '1'];
    const call = { ...this.resolver.resolve('xrevrange', [...args], slot), args };
    return this.runSingle(call, { ...policy, readFrom: 'primary', trace: undefined }, { buffers: true });
  }

  /** Runs work on a leased connection to the node of its slot, or to a named one; see `LeasedCall`. */
  runLeased(work: LeasedWork, policy: CallPolicy, node?: ClusterNode): Promise<unknown> {
    const written = this.writing(work.calls);
    const run = this.untilFinished(new LeasedCall(this.host, work, policy, node).run());
    return written === undefined ? run : run.finally(written);
  }

  /**
   * Drops what calls write from the cache, if there is one; see `dropWritten`.
   * @returns a function that drops it again; undefined if there is nothing to drop
   */
  writing(calls: readonly ResolvedCall[]): (() => void) | undefined {
    const { cache } = this.router;
    if (cache === undefined || !dropWritten(cache, calls)) return undefined;
    return () => void dropWritten(cache, calls);
  }

  /** Makes `close()` wait for work on leased connections. */
  untilFinished<T>(work: Promise<T>): Promise<T> {
    this.leasedCalls++;
    return work.finally(() => this.leasedCalls--);
  }

  /**
   * Runs one request of a call that goes to several nodes, or to one that the caller names. A command that ends a
   * script must not wait behind that script, so it gets a connection of its own.
   * @param until the deadline; milliseconds of `monotonicMs()`
   * @param Kind whether it waits for room at its node
   */
  runPart(
    call: ResolvedCall,
    policy: CallPolicy,
    shape: CallShape,
    until: number,
    node?: ClusterNode,
    Kind: typeof PromisedCommand = PromisedCommand,
  ): Promise<unknown> {
    if (!SCRIPT_ENDINGS.has(call.row.name)) {
      return runBriefly(call, policy.deadlineMs, until, (part) =>
        this.runSingle(part, policy, shape, node, until, Kind),
      );
    }
    const left = { ...policy, deadlineMs: Math.max(1, Math.ceil(until - monotonicMs())) };
    return this.runLeased(new LeasedCommand(call, left, shape, this.router.scripts), left, node);
  }

  /**
   * Sends a call to one node: the node of its slot, or a named one.
   * @param until the deadline, if it is sooner than that of the policy; milliseconds of `monotonicMs()`
   */
  runSingle(
    call: ResolvedCall,
    policy: CallPolicy,
    shape: CallShape,
    node?: ClusterNode,
    until = Infinity,
    Kind: typeof PromisedCommand = PromisedCommand,
  ): Promise<unknown> {
    return new Promise((resolve) => {
      const command = new Kind(call, policy, shape, resolve);
      command.deadlineAt = until;
      if (node !== undefined) this.router.pin(command, node);
      this.intake.submit(command);
    });
  }

  /** As `run` for a command with keys. Also returns the name of the node that answered. */
  async runWithNode(
    name: string,
    args: Argument[],
    policy: CallPolicy,
    shape: CallShape,
  ): Promise<ReplyWithNode> {
    const call = this.resolver.resolve(name, args);
    return this.traced(
      call,
      'single',
      policy,
      (followed) =>
        new Promise((resolve) => {
          const answer = resolve as (answer: unknown) => void;
          this.intake.submit(new CommandWithNode(call, followed, shape, answer));
        }),
    );
  }

  /** Sends the requests in the place of the call, even if that waits until the client is connected. */
  private runFannedOut(call: ResolvedCall, policy: CallPolicy, shape: CallShape): Promise<unknown> {
    const until = monotonicMs() + policy.deadlineMs;
    if (this.host.state === 'ready') return this.fanOut(call, policy, shape, until);
    return new Promise((resolve) => {
      const start = (): void => resolve(this.fanOut(call, policy, shape, until));
      const fail = (error: Error): void => resolve(thrownToCaller(error));
      this.intake.submit(new ReadyCommand(call.name, { ...policy, trace: undefined }, start, fail));
    });
  }

  private async fanOut(
    call: ResolvedCall,
    policy: CallPolicy,
    shape: CallShape,
    until: number,
  ): Promise<unknown> {
    const run = (part: ResolvedCall, node?: ClusterNode): Promise<unknown> =>
      this.runPart(part, policy, shape, until, node, PartialCommand);
    const { host, router } = this;
    const { row, name, args } = call;
    const undo = host.options.connectionState.record(row.name, name, args);
    try {
      const reply = await fanOuts[row.request as FanOutPolicy](call, host.topology, run);
      router.scripts.recordEffect(row.name, args);
      return reply;
    } catch (error) {
      if (!(error instanceof PartialFailureError && error.replies.size > 0)) undo?.();
      throw error;
    } finally {
      // idle ones lack the new state
      if (undo !== undefined) host.leases.renew();
    }
  }
}
