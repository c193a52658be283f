import { BehaviorSubject, type Observable } from 'rxjs';
import { random } from '../runtime/randomness.js';
import { monotonicMs } from '../common/timers.js';
import type { ResolvedClusterOptions } from '../options/options.js';
import type { Router } from '../routing/router.js';
import type { TopologyCounters } from '../stats/cluster-counters.js';
import type { ClusterNode, ClusterTopology, NodeAddress } from '../topology/topology.js';
import { KnownReplies } from './known-replies.js';
import { prevailingView, readAllViews, readViews } from './topology-reader.js';
import { TopologyRefresher } from './topology-refresher.js';

/** How long views must stay the same until they are not read again before the periodic read, in ms. */
const STEADY_MS = 2_000;

/** Called with the nodes that a new snapshot has and the one before had not, and the other way round. */
export type NodesListener = (added: readonly ClusterNode[], removed: readonly ClusterNode[]) => void;

/** Keeps the topology: reads it from the nodes, gives it to the router, and publishes every change. */
export class TopologyTracker {
  private readonly subject: BehaviorSubject<ClusterTopology>;
  private readonly refresher: TopologyRefresher;
  private readonly replies: KnownReplies;
  private defaultNodeName: string | undefined = undefined;
  private unknownNodeSeen = false;
  private changedAt = -Infinity;

  /** @param primaryMissing true while a primary that commands wait for does not answer */
  constructor(
    private readonly router: Router,
    private readonly options: ResolvedClusterOptions,
    private readonly onNodes: NodesListener,
    primaryMissing: () => boolean,
    counters: TopologyCounters,
  ) {
    this.subject = new BehaviorSubject(router.topology);
    this.replies = new KnownReplies(options.addressRemap);
    this.refresher = new TopologyRefresher(
      {
        clientId: options.clientId,
        clientName: options.clientName,
        get topology() {
          return router.topology;
        },
        read: () => this.read(),
        adopt: (topology) => {
          const before = this.topology;
          this.adopt(router.withoutGaps(topology));
          // not after a MOVED: two nodes may name each other for a while
          router.releaseMoved(before);
          router.pool.reviveLostPrimaries();
        },
        urgent: () => primaryMissing() || this.unknownNodeSeen || router.fillsGaps,
        unsettled: () => router.redirects.awaitsNodes,
        changing: () => monotonicMs() - this.changedAt < STEADY_MS,
      },
      options.refreshIntervalMs,
      counters,
    );
  }

  get topology(): ClusterTopology {
    return this.subject.value;
  }

  /** The present topology, and every change of it; completes with `stop`. */
  get topology$(): Observable<ClusterTopology> {
    return this.subject.asObservable();
  }

  /** Begins the periodic reads. */
  start(): void {
    this.refresher.start();
  }

  /** Ends all reads and completes `topology$`. */
  stop(): void {
    this.refresher.stop();
  }

  complete(): void {
    this.subject.complete();
  }

  /** Requests a read, soon. */
  requestRefresh(reason: string): void {
    this.refresher.request(reason);
  }

  /** Requests a read because of a node that the topology does not have. It may own no slots yet. */
  reportUnknownNode(): void {
    this.unknownNodeSeen = true;
    this.refresher.request('unknown node');
  }

  /** Reads the topology now, or joins the read that is in progress. */
  refresh(): Promise<void> {
    return this.refresher.refresh();
  }

  /** Reads the topology now, even if a read is in progress that began before. */
  refreshAnew(): Promise<void> {
    return this.refresher.refreshAnew();
  }

  /** Makes a node of the present topology the one for commands without keys. False if there is no such node. */
  setDefaultNode(name: string): boolean {
    if (this.topology.node(name) === undefined) return false;
    this.defaultNodeName = name;
    this.adopt(this.topology.restamped(this.topology.version + 1, name));
    return true;
  }

  /** Makes a snapshot the present one, and publishes it. */
  adopt(topology: ClusterTopology): void {
    const before = this.topology;
    // nothing new was read
    if (topology === before) return;
    if (topology !== this.router.topology) {
      // an equal view must wake nobody, and one without slots describes its node rather than the cluster
      if (topology.version <= before.version && topology.sameView(before)) return;
      if (topology.coveredSlots === 0) return;
      this.router.adopt(topology.restamped(before.version + 1, this.defaultNodeFor(topology)));
    }
    // not the first view, which every client reads as it starts
    if (before.coveredSlots > 0) this.changedAt = monotonicMs();
    this.subject.next(this.router.topology);
    const added = this.topology.nodes.filter((node) => before.node(node.name) === undefined);
    const removed = before.nodes.filter((node) => this.topology.node(node.name) === undefined);
    if (added.length + removed.length > 0) this.onNodes(added, removed);
  }

  /** Reads what the nodes say now. Undefined if none answers. */
  async read(): Promise<ClusterTopology | undefined> {
    const { dynamicStartupNodes, nodes: seeds } = this.options;
    // names are resolved again with every connection, so seeds may lead to nodes that were never seen
    const nodes = dynamicStartupNodes ? [...this.topology.nodes, ...seeds] : seeds;
    const channels = new Set(nodes.map((address) => this.router.pool.channelTo(address)));
    // slotless primaries are read for as long as there are any
    const withSlotless =
      this.unknownNodeSeen || this.topology.primaries.some(({ slots }) => slots.length === 0);
    this.unknownNodeSeen = false;
    const { topologies } = await readViews(channels, this.options, withSlotless, (reply, answeredBy) =>
      this.replies.view(reply, answeredBy, this.topology),
    );
    // what was a seed may be a node of another cluster by now
    const ours = topologies.filter((view) => view.sharesNodes(this.topology));
    const view = prevailingView(ours.length > 0 ? ours : topologies);
    return view ?? (this.router.pool.mostNodesWrong ? this.readSuccessor(nodes) : undefined);
  }

  /** The view of a cluster that was built again at the same addresses, if that is what answers there. */
  private async readSuccessor(nodes: readonly NodeAddress[]): Promise<ClusterTopology | undefined> {
    const channels = nodes.map((address) => this.router.pool.channelToAnyNode(address));
    const { topologies } = await readAllViews(channels, this.options, this.options.connectTimeoutMs);
    for (const channel of channels) channel.close();
    const view = prevailingView(topologies);
    return view !== undefined && topologies.every((other) => other.sharesNodes(view)) ? view : undefined;
  }

  /** The chosen node; else a primary at random, so that clients spread, for as long as it is one. */
  private defaultNodeFor(topology: ClusterTopology): string | undefined {
    if (this.defaultNodeName !== undefined) return this.defaultNodeName;
    const { primaries } = topology;
    const present = this.topology.defaultNode?.name;
    if (primaries.some((primary) => primary.name === present)) return present;
    return primaries[Math.floor(random() * primaries.length)]?.name;
  }
}
