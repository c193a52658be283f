import { isWrongNode } from '../connection/establish-connection.js';
import type { FlushScheduler } from '../connection/flush-scheduler.js';
import { NodeChannel, type ChannelOwner } from '../connection/node-channel.js';
import type { ResolvedClusterOptions } from '../options/options.js';
import type { ClusterCounters } from '../stats/cluster-counters.js';
import { KnownNodes } from '../topology/known-nodes.js';
import { ClusterTopology, nodeName, type ClusterNode, type NodeAddress } from '../topology/topology.js';

/** The channels to the nodes, and the topology that they follow. */
export class ChannelPool {
  topology = ClusterTopology.empty();
  /** The channel of each shard's primary, by the shard's index in the topology. */
  primaries: readonly NodeChannel[] = [];
  private readonly channels = new Map<string, NodeChannel>();
  private readonly knownNodes = new KnownNodes();
  private closed = false;

  constructor(
    private readonly owner: ChannelOwner,
    private readonly options: ResolvedClusterOptions,
    private readonly scheduler: FlushScheduler,
    private readonly counters: ClusterCounters,
  ) {}

  /** Every channel. */
  get all(): Iterable<NodeChannel> {
    return this.channels.values();
  }

  /** The channel to an address. Creates it, without opening it, if there is none. */
  channelTo(address: NodeAddress): NodeChannel {
    const name = nodeName(address);
    let channel = this.channels.get(name);
    if (channel === undefined) {
      channel = new NodeChannel(
        { host: address.host, port: address.port },
        this.owner,
        this.options,
        this.scheduler,
        this.counters.node(name),
        () => this.knownNodes.at(name),
      );
      if (this.closed) channel.close();
      else this.channels.set(name, channel);
    }
    return channel;
  }

  /** The channel to the node of a name, if there is one. */
  find(name: string): NodeChannel | undefined {
    return this.channels.get(name);
  }

  /** A channel to whichever node is at an address, for questions only. The caller closes it. */
  channelToAnyNode({ host, port }: NodeAddress): NodeChannel {
    const counters = this.counters.node(nodeName({ host, port }));
    return new NodeChannel({ host, port }, this.owner, this.options, this.scheduler, counters);
  }

  /** Other nodes answer at the addresses of most nodes. */
  get mostNodesWrong(): boolean {
    const { nodes } = this.topology;
    const wrong = nodes.filter(({ name }) => isWrongNode(this.find(name)?.lastFailure));
    return wrong.length * 2 > nodes.length;
  }

  /** Records a node that a caller names, unless another is known at its address. */
  suppose(node: ClusterNode): void {
    this.knownNodes.suppose(node);
  }

  /** Follows a new snapshot: connections that turn out to lead to other nodes end. */
  adopt(topology: ClusterTopology): void {
    this.topology = topology;
    this.knownNodes.note(topology);
    this.primaries = topology.shards.map((shard) => this.channelTo(shard.primary));
    for (const channel of this.all) channel.recognize();
    for (const channel of this.primaries) channel.refuseReplicaReads();
  }

  /** Commands that the channels hold, and those that wait for room there. */
  get pendingCommands(): number {
    let commands = 0;
    for (const { budget } of this.all) commands += budget.commands + budget.waitingForRoom;
    return commands;
  }

  /**
   * Tries primaries again whose connection was lost. A failure requests a read of the topology, so that a failover is
   * noticed without any calls.
   */
  reviveLostPrimaries(): void {
    for (const channel of this.primaries) {
      if (channel.lastFailure !== undefined) channel.open().catch(() => {});
    }
  }

  /** Closes a channel, and forgets it. */
  remove(channel: NodeChannel): void {
    this.channels.delete(channel.name);
    channel.close();
    this.counters.retain((name) => this.channels.has(name) || this.topology.node(name) !== undefined);
  }

  /** Closes every channel. Channels that are created later are closed. */
  close(): void {
    this.closed = true;
    for (const channel of this.all) channel.close();
  }
}
