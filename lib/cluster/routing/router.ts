import type { Command } from '../command/command.js';
import { passesByItself, REFUSALS, type RefusalRemedy } from '../common/refusals.js';
import {
  ClientClosedError,
  ConnectionError,
  OutcomeUnknownError,
  type ReplyError,
  TopologyError,
} from '../common/errors.js';
import type { FlushScheduler } from '../connection/flush-scheduler.js';
import type { ChannelOwner, NodeChannel } from '../connection/node-channel.js';
import type { ResolvedClusterOptions } from '../options/options.js';
import { isRedirect } from '../retry/transient.js';
import { ScriptRegistry } from '../scripts/script-registry.js';
import type { ClusterCounters } from '../stats/cluster-counters.js';
import { NO_SLOT } from '../topology/key-slot.js';
import { PROMPT_REDIRECTS } from '../topology/redirect.js';
import { SlotGaps } from '../topology/slot-gaps.js';
import type { ClusterNode, ClusterTopology } from '../topology/topology.js';
import { ClientCache } from '../caching/client-cache.js';
import { cacheHost, type CacheListener } from './cache-host.js';
import { ChannelChoice } from './channel-choice.js';
import { ChannelPool } from './channel-pool.js';
import { Redirects } from './redirects.js';
import { ReplicaMonitor } from './replica-monitor.js';
import { RetryQueue } from '../waiting/retry-queue.js';
import { SlotHandover } from './slot-handover.js';

/** What the router reports to the engine. */
export interface RouterListener extends CacheListener {
  /** A redirect named a node that the topology does not have. */
  onUnknownNode(): void;
  /** A MOVED reply made a new snapshot. */
  onMoved(topology: ClusterTopology): void;
  /** A node has no connection any more, or none could be opened. */
  onLost(node: string, error: Error): void;
}

/** What refused a command, and why it had to wait before. */
type Refused = [command: Command, reply: ReplyError, from: NodeChannel, before: Error | undefined];

/** Decides where a command goes: first, and after each refusal, redirect or lost reply. Applies the retry contract. */
export class Router implements ChannelOwner {
  readonly scripts: ScriptRegistry;
  readonly retryQueue: RetryQueue;
  readonly pool: ChannelPool;
  readonly choice: ChannelChoice;
  private readonly monitor: ReplicaMonitor;
  readonly redirects: Redirects;
  readonly cache: ClientCache | undefined;
  private readonly handover: SlotHandover;
  private readonly gaps = new SlotGaps();
  private closed = false;

  constructor(
    options: ResolvedClusterOptions,
    scheduler: FlushScheduler,
    counters: ClusterCounters,
    private readonly listener: RouterListener,
  ) {
    const dispatch = (command: Command): void => this.dispatch(command);
    this.scripts = new ScriptRegistry(options.connectionState.libraries);
    this.retryQueue = new RetryQueue(options.maxPendingPerNode, dispatch, scheduler, counters.elsewhere);
    this.pool = new ChannelPool(this, options, scheduler, counters);
    this.cache =
      options.cache && new ClientCache(options.cache, cacheHost(this.pool, listener), counters.cache);
    this.monitor = new ReplicaMonitor(
      () => this.topology,
      (node) => this.pool.channelTo(node),
      () => listener.onStale('changed role'),
    );
    this.choice = new ChannelChoice(this.pool, this.monitor, options.requireFullCoverage);
    this.redirects = new Redirects(this.pool, scheduler, options, {
      onUnknownNode: () => listener.onUnknownNode(),
      onMoved: (topology) => this.adoptMoved(topology),
    });
    this.handover = new SlotHandover(this.pool, this.retryQueue, dispatch);
  }

  get topology(): ClusterTopology {
    return this.pool.topology;
  }

  /** Whether a node owns slots in the present snapshot. */
  isPrimary(name: string): boolean {
    return this.topology.node(name)?.role === 'primary';
  }

  /** Commands that have no reply yet, wherever they are. */
  get outstanding(): number {
    return this.retryQueue.size + this.pool.pendingCommands;
  }

  /** Names the one node that a command is for. */
  pin(command: Command, node: ClusterNode): void {
    this.pool.suppose(node);
    command.pinned = node;
    // a caller that names a replica wants its data rather than a redirect to the primary
    const readsKeys = command.row.readonly && command.slot !== NO_SLOT;
    if (node.role === 'replica' && readsKeys) this.pool.channelTo(node).serveReplicaReads();
  }

  /** Sends a command to the node that it belongs to now. */
  dispatch(command: Command): void {
    if (this.retryQueue.mustFollow(command)) return this.retryQueue.enqueueBehind(command);
    let channel: NodeChannel | undefined;
    try {
      channel = this.choice.channelFor(command);
    } catch (error) {
      // thrown by the caller's readFrom function, where nothing else would catch it
      return command.fail(error as Error);
    }
    if (channel !== undefined) channel.enqueue(command);
    else if (this.closed) command.fail(new ClientClosedError());
    else this.noNodeFor(command);
  }

  /** A server said that it did not execute a command, or that the command is wrong. */
  refused(command: Command, reply: ReplyError, from: NodeChannel): void {
    if (reply.code === 'NOSCRIPT' && this.resendWithText(command, reply, from)) return;
    const refusal = REFUSALS.get(reply.code);
    if (refusal !== undefined) from.counters.redirects.add(reply.code);
    if (refusal === undefined || command.settled) return command.fail(reply);
    // a caller that names a node wants its answer rather than that of the node it redirects to
    if (command.pinned !== undefined && !passesByItself(refusal)) return command.fail(reply);
    command.sent = false;
    const before = command.lastError;
    command.lastError = reply;
    if (refusal.refresh) this.listener.onStale(reply.code);
    if (refusal.unfit) this.monitor.markUnfit(from.name);
    try {
      this.remedies[refusal.remedy](command, reply, from, before);
    } catch (error) {
      // thrown by the caller's addressRemap function
      command.fail(error as Error);
    }
  }

  /** A connection ended before the reply to a command arrived. */
  replyLost(command: Command, error: Error): void {
    if (command.settled) return;
    if (!this.closed && command.resent) {
      command.lastError = error;
      command.mayHaveRun = !command.row.readonly;
      const { call, policy } = command;
      const args = policy.argsOnResend?.(call.args);
      if (args !== undefined) command.call = { ...call, args: [...args] };
      command.asking = false;
      command.trace?.retried('resend', error, command.budget?.node);
      this.retryQueue.retryLater(command);
    } else if (command.row.readonly) {
      // nothing can have happened
      command.fail(error);
    } else {
      command.fail(
        new OutcomeUnknownError(command.name, 'its connection was lost before the reply', { cause: error }),
      );
    }
  }

  /** A channel has lost its connection. What it had not sent may find a better way. */
  channelLost(channel: NodeChannel): void {
    this.monitor.markUnfit(channel.name);
    this.listener.onStale('lost connection');
    this.unsent(channel.takePending(), channel.lastFailure);
    if (channel.lastFailure !== undefined) this.listener.onLost(channel.name, channel.lastFailure);
  }

  /** Takes back commands that a channel did not send. @param error why it has no connection, if it has none */
  unsent(commands: readonly Command[], error?: Error): void {
    for (const command of commands) {
      if (error !== undefined) command.lastError = error;
      if (error !== undefined && command.policy.retry === 'never') this.retryLater(command);
      else this.dispatch(command);
    }
  }

  /** The view, with slots that have just lost their owner left to it for as long as it answers. */
  withoutGaps(topology: ClusterTopology): ClusterTopology {
    return this.gaps.fill(topology, this.topology, ({ name }) => {
      const channel = this.pool.find(name);
      return channel?.state === 'ready' && !channel.suspected;
    });
  }

  /** The last view had slots without an owner, and is not believed yet. */
  get fillsGaps(): boolean {
    return this.gaps.filling;
  }

  /** Dispatches at once what waits for slots that had another owner: it has no reason to wait any more. */
  releaseMoved(before: ClusterTopology): void {
    const ownerOf = (topology: ClusterTopology, slot: number): string | undefined =>
      topology.shardForSlot(slot)?.primary.name;
    this.retryQueue.releaseSlots((slot) => ownerOf(this.topology, slot) !== ownerOf(before, slot));
  }

  /** Adopts a snapshot: channels of nodes that have left end, commands move to the new owners of their slots. */
  adopt(topology: ClusterTopology): void {
    const before = this.topology;
    this.redirects.noteSnapshot(before, topology);
    // a node between two roles may come back, and lag behind as it did
    this.monitor.forget((name) => this.redirects.isForgotten(name, topology));
    this.pool.adopt(topology);
    this.cache?.follow(before, topology);
    this.handover.follow(before, topology);
  }

  /** Ends every channel. Commands that come later fail. */
  close(): void {
    this.closed = true;
    this.monitor.stop();
    this.cache?.stop();
    this.retryQueue.clear();
    this.pool.close();
    this.retryQueue.clear();
  }

  private readonly remedies: Record<RefusalRemedy, (...refused: Refused) => void> = {
    moved: (command, reply, from, before) => {
      const target = this.redirects.targetOf(reply, from);
      if (target === undefined) return this.retryLater(command);
      this.redirects.noteMove(target);
      // a node that redirects to itself has a wrong idea of this connection
      if (target.node.name === from.name && command.attempts >= PROMPT_REDIRECTS) void from.renew();
      this.follow(target.node, command, reply, from, before);
    },
    ask: (command, reply, from, before) => {
      const target = this.redirects.targetOf(reply, from);
      if (target === undefined) return this.retryLater(command);
      command.asking = true;
      this.follow(target.node, command, reply, from, before);
    },
    wait: (command, _, from) => this.retryLater(command, true, from),
    retry: (command) => this.retryLater(command, false),
  };

  private adoptMoved(topology: ClusterTopology): void {
    if (this.closed) return;
    this.adopt(topology);
    this.listener.onMoved(topology);
  }

  private follow(node: ClusterNode, ...[command, reply, from, before]: Refused): void {
    command.trace?.redirected(reply.code, from.name, node.name);
    command.budget?.release(command);
    // that node may not know the script, and a second round trip would let others of the slot overtake
    this.addText(command);
    // one that comes after a wait, as for keys that are moved apart, is not one in a row
    if (++command.attempts > PROMPT_REDIRECTS && isRedirect(before)) this.retryLater(command);
    // it waits behind earlier calls for the slot that came back too
    else for (const one of this.retryQueue.keepFollowers([command])) this.pool.channelTo(node).enqueue(one);
  }

  /**
   * Tries again in a moment, unless the caller wants no second attempt.
   * @param keepsOrder later commands for the slot wait behind it
   */
  private retryLater(command: Command, keepsOrder = true, refusedBy?: NodeChannel): void {
    command.asking = false;
    if (command.policy.retry === 'never') {
      command.fail(command.lastError ?? new ConnectionError('the cluster', 'cannot serve the command'));
    } else {
      command.trace?.retried('retry', command.lastError, command.budget?.node);
      this.retryQueue.retryLater(command, keepsOrder, refusedBy);
    }
  }

  private noNodeFor(command: Command): void {
    const { slot } = command;
    const shard = slot === NO_SLOT ? undefined : this.topology.shardForSlot(slot);
    const error =
      shard === undefined
        ? new TopologyError('SLOTS_NOT_COVERED', `No node serves slot ${slot} at present`)
        : new TopologyError('NO_REPLICA', `No replica of ${shard.primary.name} can be read from at present`);
    command.lastError = error;
    this.listener.onStale(error.code);
    if (shard?.replicas.length === 0 && this.redirects.isSettled) command.fail(error);
    else this.retryLater(command);
  }

  /** Sends a script with its text to a server that does not know its hash. */
  private resendWithText(command: Command, reply: ReplyError, from: NodeChannel): boolean {
    if (command.settled || !this.addText(command)) return false;
    command.trace?.retried('retry', reply, from.name);
    command.sent = false;
    command.budget?.release(command);
    from.counters.retries.add('NOSCRIPT');
    from.enqueue(command);
    return true;
  }

  /** Replaces the hash of a script by its text. False if the command is no such call, or the script is unknown. */
  private addText(command: Command): boolean {
    const whole = this.scripts.withText(command.name, command.args);
    if (whole !== undefined) command.call = { ...command.call, ...whole };
    return whole !== undefined;
  }
}
