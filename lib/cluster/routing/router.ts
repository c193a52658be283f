import { type Command } from '../command/command.js';
import { NO_SLOT } from '../topology/key-slot.js';
import {
  ClientClosedError,
  ConnectionError,
  OutcomeUnknownError,
  type ReplyError,
  TopologyError,
} from '../common/errors.js';
import { DepartedNodes } from '../topology/former-nodes.js';
import type { FlushScheduler } from '../connection/flush-scheduler.js';
import { KnownNodes } from '../topology/known-nodes.js';
import { NodeChannel } from '../connection/node-channel.js';
import type { ResolvedClusterOptions } from '../options/options.js';
import { parseRedirect, PROMPT_REDIRECTS } from '../topology/redirect.js';
import { passesByItself, REFUSALS, type RefusalRemedy } from '../common/refusals.js';
import { ScriptRegistry } from '../scripts/script-registry.js';
import { ReplicaMonitor } from './replica-monitor.js';
import { ReplicaSelector } from './replica-selector.js';
import { SlotGaps } from '../topology/slot-gaps.js';
import { setImmediate } from '../common/timers.js';
import { ClusterTopology, nodeName, type ClusterNode, type NodeAddress } from '../topology/topology.js';
import { isOrdered, WaitingRoom } from './retry-queue.js';

/** How long after a MOVED reply a shard without replicas may only be one whose replicas are not known yet, in ms. */
const UNSETTLED_MS = 2_000;

/** What the router wants of the rest of the engine. */
export interface RouterListener {
  /** The topology no longer fits what was seen. */
  onStale(reason: string): void;
  /** A redirect named a node that the topology does not have. */
  onUnknownNode(): void;
  /** A MOVED reply made a new snapshot. */
  onPatched(topology: ClusterTopology): void;
  /** A node has no connection any more, or could not be given one. */
  onLost(node: string, error: Error): void;
}

/**
 * Decides where a command goes, first and after each refusal, redirect, or lost reply. It owns the channels
 * to the nodes and the waiting room, and holds the retry contract.
 */
export class Router {
  readonly waitingRoom: WaitingRoom;
  private readonly monitor: ReplicaMonitor;
  private readonly replicas: ReplicaSelector;
  private current = ClusterTopology.empty();
  private readonly channels = new Map<string, NodeChannel>();
  /** The channel of each shard's primary, by the shard's index in the topology. */
  private primaryChannels: NodeChannel[] = [];
  /** Slots that MOVED replies of this turn of the event loop told of, with the names of their nodes. */
  private readonly moves = new Map<number, string>();
  private readonly departed = new DepartedNodes();
  /** When MOVED replies last changed the topology: what they say of replicas is known with the next read of it. */
  private patchedAt = -Infinity;
  private readonly known = new KnownNodes();
  private readonly gaps = new SlotGaps();
  private closed = false;
  readonly scripts = new ScriptRegistry();

  constructor(
    private readonly options: ResolvedClusterOptions,
    private readonly scheduler: FlushScheduler,
    private readonly listener: RouterListener,
  ) {
    this.waitingRoom = new WaitingRoom(
      options.maxPendingPerNode,
      (command) => this.dispatch(command),
      () => scheduler.now(),
    );
    const channelTo = (node: ClusterNode): NodeChannel => this.channelTo(node);
    this.monitor = new ReplicaMonitor(() => this.current, channelTo);
    this.replicas = new ReplicaSelector(this.monitor, channelTo);
  }

  get topology(): ClusterTopology {
    return this.current;
  }

  /** Every channel there is. */
  get allChannels(): Iterable<NodeChannel> {
    return this.channels.values();
  }

  /** The channel to an address; made, but not opened, where there is none. */
  channelTo(address: NodeAddress): NodeChannel {
    const name = nodeName(address);
    let channel = this.channels.get(name);
    if (channel === undefined) {
      channel = new NodeChannel(
        { host: address.host, port: address.port },
        this,
        this.options,
        this.scheduler,
        () => this.known.at(name),
      );
      if (this.closed) channel.close();
      else this.channels.set(name, channel);
    }
    return channel;
  }

  /** A channel to whichever node is at an address, for questions only; whoever asked for it closes it. */
  channelToAnyNode({ host, port }: NodeAddress): NodeChannel {
    return new NodeChannel({ host, port }, this, this.options, this.scheduler);
  }

  /** Other nodes answer at the addresses of most nodes. */
  get mostNodesWrong(): boolean {
    const { nodes } = this.current;
    const astray = nodes.filter(({ name }) => this.channels.get(name)?.astray);
    return astray.length * 2 > nodes.length;
  }

  /** Names the one node that a command is for. */
  pin(command: Command, node: ClusterNode): void {
    this.known.suppose(node);
    command.pinned = node;
    // who names a replica wants its own data, and not a redirect to the primary
    const readsKeys = command.row.readonly && command.slot !== NO_SLOT;
    if (node.role === 'replica' && readsKeys) this.channelTo(node).serveReplicaReads();
  }

  /** Sends a command to where it belongs now. */
  dispatch(command: Command): void {
    if (this.waitingRoom.isBehind(command)) return this.waitingRoom.follow(command);
    let channel: NodeChannel | undefined;
    try {
      channel = this.channelFor(command);
    } catch (error) {
      // a readFrom function is the caller's, and runs where nobody else would catch
      return command.fail(error as Error);
    }
    if (channel !== undefined) channel.enqueue(command);
    else if (this.closed) command.fail(new ClientClosedError());
    else this.unserved(command);
  }

  /** A server said that it did not execute a command, or that the command is wrong. */
  refused(command: Command, reply: ReplyError, from: NodeChannel): void {
    if (reply.code === 'NOSCRIPT' && this.sendWhole(command, from)) return;
    const refusal = REFUSALS.get(reply.code);
    if (refusal === undefined || command.settled) return command.fail(reply);
    // who names a node wants its answer, not that of the node it points to
    if (command.pinned !== undefined && !passesByItself(refusal)) return command.fail(reply);
    command.sent = false;
    command.lastRefusal = reply;
    if (refusal.refresh) this.listener.onStale(reply.code);
    if (refusal.unfit) this.monitor.markUnfit(from.name);
    try {
      this.remedies[refusal.remedy](command, reply, from);
    } catch (error) {
      // addressRemap is the caller's, as a readFrom function is
      command.fail(error as Error);
    }
  }

  /** A connection died with a command's reply owing. */
  replyLost(command: Command, error: Error): void {
    if (command.settled) return;
    if (!this.closed && command.resent) {
      command.lastRefusal = error;
      command.mayHaveRun = !command.row.readonly;
      const { whenResent, deadlineMs } = command.policy;
      if (whenResent !== undefined) {
        const { call } = command;
        command.call = { ...call, args: [...whenResent(call.args, deadlineMs)] };
      }
      command.asking = false;
      this.waitingRoom.hold(command);
    } else if (command.row.readonly) {
      // nothing can have happened
      command.fail(error);
    } else {
      command.fail(
        new OutcomeUnknownError(command.name, 'its connection was lost before the reply', { cause: error }),
      );
    }
  }

  /** A channel has no connection any more; what it had not sent may find a better way. */
  channelLost(channel: NodeChannel): void {
    this.monitor.markUnfit(channel.name);
    this.listener.onStale(`lost ${channel.name}`);
    this.unsent(channel.takePending(), channel.lastFailure);
    if (channel.lastFailure !== undefined) this.listener.onLost(channel.name, channel.lastFailure);
  }

  /** Commands that a channel gives back before they were sent, and why, if it has no connection for them. */
  unsent(commands: readonly Command[], obstacle: Error | undefined): void {
    for (const command of commands) {
      if (obstacle !== undefined) command.lastRefusal = obstacle;
      if (obstacle !== undefined && command.policy.retry === 'never') this.putOff(command);
      else this.dispatch(command);
    }
  }

  /** A view in which slots that have just lost their owner stay with it, for as long as it answers us. */
  withoutGaps(topology: ClusterTopology): ClusterTopology {
    return this.gaps.fill(topology, this.current, ({ name }) => {
      const channel = this.channels.get(name);
      return channel?.state === 'ready' && !channel.suspected;
    });
  }

  /** A view that has slots without an owner is not believed yet. */
  get fillsGaps(): boolean {
    return this.gaps.filling;
  }

  /** A node has just left the views, as one does in the middle of a failover; the next ones may have it again. */
  get awaitsNodes(): boolean {
    return this.departed.isAwaiting(this.current, this.scheduler.now());
  }

  /** Dispatches at once what waits for slots that had another owner: it has no reason to wait any more. */
  releaseMoved(before: ClusterTopology): void {
    const ownerOf = (topology: ClusterTopology, slot: number): string | undefined =>
      topology.shardForSlot(slot)?.primary.name;
    this.waitingRoom.releaseSlots((slot) => ownerOf(this.current, slot) !== ownerOf(before, slot));
  }

  /** Follows a new snapshot: channels of nodes that are gone end, and what waited for another owner moves there. */
  adopt(topology: ClusterTopology): void {
    const before = this.current;
    const now = this.scheduler.now();
    this.departed.note(before, topology, now);
    // what is only between two roles may come back, and lag behind as it did
    this.monitor.forget((name) => (topology.node(name) ?? this.departed.find(name, now)) === undefined);
    this.current = topology;
    this.known.note(topology);
    this.primaryChannels = topology.shards.map((shard) => this.channelTo(shard.primary));
    for (const channel of this.channels.values()) channel.recognize();
    for (const channel of this.primaryChannels) channel.refuseReplicaReads();
    for (const channel of this.channels.values()) this.handOver(channel);
    for (const channel of this.channels.values()) {
      const gone = topology.node(channel.name) === undefined;
      const follows = (command: Command): boolean =>
        gone || channel.state !== 'ready' || hasLost(channel, command, before, topology);
      for (const command of channel.takePending(follows)) this.dispatch(command);
      // commands that are pinned to a node stay with it, also when it has no slots any more
      if (gone && channel.allowance.commands === 0) this.retire(channel);
    }
  }

  /**
   * What a node owes for slots that are not its own any more may come back as a redirect, so what is called meanwhile
   * waits until it has come.
   */
  private handOver(channel: NodeChannel): void {
    const slots = new Set<number>();
    for (const command of channel.owed()) {
      if (command.settled || !isOrdered(command)) continue;
      if (this.current.shardForSlot(command.slot)?.primary.name !== channel.name) slots.add(command.slot);
    }
    if (slots.size === 0) return;
    this.waitingRoom.closeSlots(slots);
    channel.afterOwed(() => this.waitingRoom.openSlots(slots));
  }

  /**
   * Tries primaries again whose connection was lost. A failure is one more reason to read the topology, so a failover
   * is noticed though nobody calls.
   */
  reviveLostPrimaries(): void {
    for (const channel of this.primaryChannels) {
      if (channel.lastFailure !== undefined) channel.open().catch(() => {});
    }
  }

  /** Whether a node owns slots in the present snapshot. */
  isPrimary(name: string): boolean {
    return this.current.node(name)?.role === 'primary';
  }

  /** Commands that have no answer yet, wherever they are. */
  get outstanding(): number {
    let commands = this.waitingRoom.size;
    for (const channel of this.channels.values()) commands += channel.allowance.commands;
    return commands;
  }

  /** Ends every channel; nothing is accepted any more. */
  close(): void {
    this.closed = true;
    this.monitor.stop();
    this.waitingRoom.clear();
    for (const channel of this.channels.values()) channel.close();
    this.waitingRoom.clear();
  }

  private channelFor(command: Command): NodeChannel | undefined {
    if (command.pinned !== undefined) return this.channelTo(command.pinned);
    if (command.slot === NO_SLOT) return this.keylessChannel(command);
    const index = this.current.shardIndexOfSlot(command.slot);
    if (index === -1) return this.mayGoElsewhere(command) ? this.primaryFor(command.slot) : undefined;
    if (command.row.readonly && command.policy.readFrom !== 'primary') {
      return this.replicas.choose(this.current.shards[index], command);
    }
    const channel = this.primaryChannels[index];
    return this.mayGoElsewhere(command) && channel.outOfReach
      ? this.primaryFor(command.slot, channel)
      : channel;
  }

  /** A cluster that serves all of its slots or nothing has its primary back soon, and keeps the order until then. */
  private mayGoElsewhere({ row }: Command): boolean {
    return row.anyPrimary && !this.options.requireFullCoverage;
  }

  /** A primary that can be reached; always the same one for a slot, so that its commands keep their order. */
  private primaryFor(slot: number, fallback?: NodeChannel): NodeChannel | undefined {
    const reachable = this.primaryChannels.filter((channel) => !channel.outOfReach);
    return reachable[slot % reachable.length] ?? fallback;
  }

  private unserved(command: Command): void {
    const { slot } = command;
    const shard = slot === NO_SLOT ? undefined : this.current.shardForSlot(slot);
    const obstacle =
      shard === undefined
        ? new TopologyError('SLOTS_NOT_COVERED', `No node serves slot ${slot} at present`)
        : new TopologyError('NO_REPLICA', `No replica of ${shard.primary.name} can be read from at present`);
    command.lastRefusal = obstacle;
    this.listener.onStale(obstacle.message);
    const now = this.scheduler.now();
    const isSettled = now - this.patchedAt > UNSETTLED_MS && !this.awaitsNodes;
    if (shard?.replicas.length === 0 && isSettled) command.fail(obstacle);
    else this.putOff(command);
  }

  private keylessChannel(command: Command): NodeChannel | undefined {
    // a script without keys may run anywhere, so the load is spread
    if (command.row.request === 'slot') return this.anyPrimary();
    const node = this.current.defaultNode;
    const channel = node && this.channelTo(node);
    // any node will do, so nobody waits until the topology tells of a default node that is lost
    return channel === undefined || channel.fit ? channel : this.anyPrimary();
  }

  private anyPrimary(): NodeChannel | undefined {
    const fit = this.primaryChannels.filter((channel) => channel.fit);
    return fit[Math.floor(Math.random() * fit.length)] ?? this.primaryChannels[0];
  }

  private readonly remedies: Record<
    RefusalRemedy,
    (command: Command, reply: ReplyError, from: NodeChannel) => void
  > = {
    moved: (command, reply, from) => {
      const target = this.redirectTarget(reply, from);
      if (target === undefined) return this.putOff(command);
      this.noteMove(target.slot, target.node.name);
      // it sends us to itself: what it knows of this connection must be wrong
      if (target.node.name === from.name && command.attempts >= PROMPT_REDIRECTS) void from.renew();
      this.redirect(command, target.node);
    },
    ask: (command, reply, from) => {
      const target = this.redirectTarget(reply, from);
      if (target === undefined) return this.putOff(command);
      command.asking = true;
      this.redirect(command, target.node);
    },
    wait: (command) => this.putOff(command),
    retry: (command) => this.putOff(command, false),
  };

  /** What moved in one turn of the event loop makes one new snapshot: in a failover it is thousands of slots. */
  private noteMove(slot: number, name: string): void {
    if (this.moves.size === 0) setImmediate(() => this.applyMoves());
    this.moves.set(slot, name);
  }

  private applyMoves(): void {
    const patched = this.current.withSlotsMoved(this.moves);
    this.moves.clear();
    if (this.closed || patched === this.current) return;
    this.patchedAt = this.scheduler.now();
    this.adopt(patched);
    this.listener.onPatched(patched);
  }

  /**
   * Only a node that the topology knows, or knew a moment ago, is followed: a reply must not be able to send our credentials
   * to a stranger. An unknown one is a reason to read the topology, and the command waits for that.
   */
  private redirectTarget(
    reply: ReplyError,
    from: NodeChannel,
  ): { slot: number; node: ClusterNode } | undefined {
    const redirect = parseRedirect(reply.message, from.address);
    if (redirect === undefined) return undefined;
    const { addressRemap } = this.options;
    const name = nodeName(addressRemap?.(redirect.target) ?? redirect.target);
    const node = this.nodeToFollow(name);
    return node && { slot: redirect.slot, node };
  }

  /** A node that a redirect names, if it is known, or was a moment ago; one that is not is worth a look. */
  nodeToFollow(name: string): ClusterNode | undefined {
    const known = this.current.node(name);
    if (known === undefined) this.listener.onUnknownNode();
    return known ?? this.departed.find(name, this.scheduler.now());
  }

  /** The server does not know a script that we know: it is sent again with its text. */
  private sendWhole(command: Command, from: NodeChannel): boolean {
    if (command.settled || !this.addText(command)) return false;
    command.sent = false;
    command.allowance?.release(command);
    from.enqueue(command);
    return true;
  }

  /** Puts the text of a script in the place of its hash; false where it is no such call, or not known. */
  private addText(command: Command): boolean {
    const whole = this.scripts.whole(command.name, command.args);
    if (whole !== undefined) command.call = { ...command.call, ...whole };
    return whole !== undefined;
  }

  private redirect(command: Command, node: ClusterNode): void {
    command.allowance?.release(command);
    // there the script may be unknown, and others of its slot would overtake it
    this.addText(command);
    if (++command.attempts > PROMPT_REDIRECTS) this.putOff(command);
    else this.channelTo(node).enqueue(command);
  }

  /**
   * Tries again in a moment, unless the caller wants no second attempt.
   * @param keepsOrder what comes later for its slot waits behind it
   */
  private putOff(command: Command, keepsOrder = true): void {
    command.asking = false;
    if (command.policy.retry === 'never') {
      command.fail(command.lastRefusal ?? new ConnectionError('the cluster', 'cannot serve the command'));
    } else {
      this.waitingRoom.hold(command, keepsOrder);
    }
  }

  private retire(channel: NodeChannel): void {
    this.channels.delete(channel.name);
    channel.close();
  }
}

/** A command that waits to be sent to a node which has just lost its slot; one that a redirect sent there stays. */
function hasLost(
  { name }: NodeChannel,
  { asking, pinned, slot }: Command,
  before: ClusterTopology,
  now: ClusterTopology,
): boolean {
  if (asking || pinned !== undefined || slot === NO_SLOT) return false;
  return before.shardForSlot(slot)?.primary.name === name && now.shardForSlot(slot)?.primary.name !== name;
}
