import type { ClientCache } from './caching/client-cache.js';
import { abortBy } from './command/abort-signal.js';
import { GroupingLane, type LaneHost } from './batch/grouping-lane.js';
import { commandAt } from './batch/batched-command.js';
import type { SentBatch, BatchLane } from './batch/sent-batch.js';
import type { CommandGroup } from './batch/command-group.js';
import type { CallPolicy } from './command/call-policy.js';
import type { Command } from './command/command.js';
import { ReadyCommand } from './command/ready-command.js';
import type { ResolvedCall } from './command/resolved-call.js';
import type { EngineState } from './common/engine-state.js';
import { ClientClosedError } from './common/errors.js';
import { monotonicMs } from './common/timers.js';
import type { CallTrace } from './diagnostics/call-trace.js';
import { thrownToCaller } from './diagnostics/caller-stack.js';
import type { FlushScheduler } from './connection/flush-scheduler.js';
import type { Liveness } from './routing/liveness.js';
import { dropWritten } from './own-writes.js';
import type { Router } from './routing/router.js';
import type { ClusterCounters } from './stats/cluster-counters.js';

/** What the intake needs from the client; a `ClusterEngine` is one. */
export interface IntakeHost {
  readonly state: EngineState;
  readonly counters: ClusterCounters;
  connect(): Promise<void>;
}

/** The path of a batch that is not sent. */
const NO_LANE = {
  now: monotonicMs,
  afterLongTurn: (): void => {},
  begin: (): void => {},
  flush: (): void => {},
  end: (): void => {},
};

/**
 * Accepts commands: gives each its place in the order of the calls, and its deadline. Queues it until the client is
 * connected.
 */
export class CommandIntake implements LaneHost {
  /** Batches that have begun, and have replies pending. */
  openBatches = 0;
  private accepted = 0;
  private readonly cache: ClientCache | undefined;
  private readonly dropAgain = ({ calls }: Command): void => {
    if (this.cache !== undefined) dropWritten(this.cache, calls);
  };

  constructor(
    private readonly host: IntakeHost,
    private readonly router: Router,
    private readonly scheduler: FlushScheduler,
    private readonly liveness: Liveness,
  ) {
    this.cache = router.cache;
  }

  /** Sends a command. Connects first, if need be. */
  submit(command: Command): void {
    this.accept(command);
    if (command.settled) return;
    if (this.host.state === 'ready') this.router.dispatch(command);
    else this.submitOffline(command);
  }

  /** Lets a batch send all of its windows, also those that follow while the client drains. */
  openBatch(batch: SentBatch): BatchLane {
    if (this.isClosing) {
      const refuse = (place: number): void => this.submit(commandAt(batch, place));
      return { ...NO_LANE, add: refuse, refuse };
    }
    this.openBatches++;
    return new GroupingLane(batch, this);
  }

  sendsGroups({ trace, signal }: CallPolicy): boolean {
    return trace === undefined && signal === undefined && this.isOpen && this.router.retryQueue.isClear;
  }

  shardOf({ row, slot }: ResolvedCall, { readFrom }: CallPolicy): number | undefined {
    // what is written has to be dropped from the cache
    if (this.cache !== undefined && !row.readonly) return undefined;
    return this.router.choice.certainShard(row, slot, readFrom);
  }

  submitGroup(group: CommandGroup, shard: number): boolean {
    const channel = this.router.pool.primaries[shard];
    if (!channel.budget.admitsNow(group)) return false;
    this.accept(group);
    channel.enqueue(group);
    return true;
  }

  submitOfBatch(command: Command): void {
    this.accept(command);
    if (command.settled) return;
    if (this.isOpen) this.router.dispatch(command);
    else this.submitOffline(command);
  }

  refuseOfBatch(command: Command, error: Error): void {
    command.counters = this.host.counters.elsewhere;
    command.fail(error);
  }

  now(): number {
    return this.scheduler.now();
  }

  afterLongTurn(extend: (ms: number) => void): void {
    this.scheduler.add({ dirty: true, flush: () => 0, extendDeadlines: (_, ms) => extend(ms) });
  }

  endBatch(): void {
    this.openBatches--;
  }

  /**
   * Resolves once commands flow, for work that does not begin with a command of its own. The deadline and the signal
   * of the policy apply.
   * @param until the deadline; milliseconds of `monotonicMs()`
   */
  ready(name: string, policy: CallPolicy, until: number): Promise<void> {
    if (this.host.state === 'ready') return Promise.resolve();
    return new Promise((resolve) => {
      const command = new ReadyCommand(name, policy, resolve, (error) => resolve(thrownToCaller(error)));
      command.deadlineAt = until;
      this.submit(command);
    });
  }

  private accept(command: Command): void {
    const { counters } = this.host;
    command.counters = counters.elsewhere;
    command.order = this.accepted + 1;
    this.accepted += command.weight;
    if (counters.slots !== undefined) for (const slot of command.slots) counters.slots.add(slot);
    command.deadlineAt = Math.min(command.deadlineAt, this.scheduler.now() + command.policy.deadlineMs);
    if (command.policy.trace !== undefined) follow(command, command.policy.trace);
    if (this.cache !== undefined && !command.row.readonly) this.dropWritten(this.cache, command);
    if (command.policy.signal !== undefined) abortBy(command.policy.signal, command);
    if (!command.settled) this.liveness.watch();
  }

  /** Drops what a command writes from the cache: before it is sent, and when the caller gets its result. */
  private dropWritten(cache: ClientCache, command: Command): void {
    if (!dropWritten(cache, command.calls)) return;
    const { onSettled } = command;
    // most have nothing else to do then, and share a function
    if (onSettled === undefined) command.onSettled = this.dropAgain;
    else
      command.onSettled = (settled, error) => {
        this.dropAgain(settled);
        onSettled(settled, error);
      };
  }

  private submitOffline(command: Command): void {
    if (this.isClosing) return command.fail(new ClientClosedError());
    this.router.retryQueue.enqueueUntilReleased(command);
    // commands that wait get the error from the queue
    this.host.connect().catch(() => {});
  }

  /** Whether what belongs to a batch can be sent. */
  private get isOpen(): boolean {
    return this.host.state === 'ready' || this.host.state === 'closing';
  }

  private get isClosing(): boolean {
    return this.host.state === 'closing' || this.host.state === 'end';
  }
}

/** Records when a command begins, and which node answers it. */
function follow(command: Command, trace: CallTrace): void {
  const ended = trace.begin();
  command.onSettled = ({ budget }, error) => ended(budget?.node, error);
}
