import type { NodeChannel } from '../connection/node-channel.js';
import type { FlushScheduler } from '../connection/flush-scheduler.js';
import type { ReplyError } from '../common/errors.js';
import type { ResolvedClusterOptions } from '../options/options.js';
import { resolveRedirect, type RedirectScope, type RedirectTarget } from '../retry/resolve-redirect.js';
import { FormerNodes } from '../topology/former-nodes.js';
import type { ClusterNode, ClusterTopology } from '../topology/topology.js';
import type { ChannelPool } from './channel-pool.js';

/** How long after a MOVED reply the replicas of its shard may be unknown, in ms. */
const UNSETTLED_MS = 2_000;

/** What redirects change. */
export interface RedirectListener {
  /** A redirect named a node that the topology does not have. */
  onUnknownNode(): void;
  /** MOVED replies made a new snapshot. */
  onMoved(topology: ClusterTopology): void;
}

/** Follows redirects, and learns from them which slots have moved. */
export class Redirects implements RedirectScope {
  /** Slots that MOVED replies of this turn of the event loop named, with the names of their nodes. */
  private readonly moves = new Map<number, string>();
  private readonly formerNodes = new FormerNodes();
  private movedAt = -Infinity;

  constructor(
    private readonly pool: ChannelPool,
    private readonly scheduler: FlushScheduler,
    readonly options: ResolvedClusterOptions,
    private readonly listener: RedirectListener,
  ) {}

  /** The node that a reply redirects to; see `resolveRedirect`. */
  targetOf(reply: ReplyError, from: NodeChannel): RedirectTarget | undefined {
    return resolveRedirect(reply, from.address, this);
  }

  /** A node that a redirect names, if it is known, or was a moment ago. An unknown node makes the topology be read. */
  nodeToFollow(name: string): ClusterNode | undefined {
    const known = this.pool.topology.node(name);
    if (known === undefined) this.listener.onUnknownNode();
    return known ?? this.formerNodes.find(name, this.scheduler.now());
  }

  /**
   * Records that a slot has moved. All moves of one turn make one snapshot: in a failover there are thousands. It comes
   * before the next flush, so that nothing is sent to the former node after that.
   */
  noteMove({ slot, node }: RedirectTarget): void {
    if (this.moves.size === 0) this.scheduler.beforeFlush(() => this.applyMoves());
    this.moves.set(slot, node.name);
  }

  /** Records the nodes that a snapshot does not have any more. */
  noteSnapshot(before: ClusterTopology, after: ClusterTopology): void {
    this.formerNodes.note(before, after, this.scheduler.now());
  }

  /** The node is neither in the topology nor was a moment ago. */
  isForgotten(name: string, topology: ClusterTopology): boolean {
    return (topology.node(name) ?? this.formerNodes.find(name, this.scheduler.now())) === undefined;
  }

  /** A node has just left the views, as one does in the middle of a failover. The next views may have it again. */
  get awaitsNodes(): boolean {
    return this.formerNodes.isAwaiting(this.pool.topology, this.scheduler.now());
  }

  /** The topology says all there is to know of replicas: no slot has just moved, and no node is awaited. */
  get isSettled(): boolean {
    return this.scheduler.now() - this.movedAt > UNSETTLED_MS && !this.awaitsNodes;
  }

  private applyMoves(): void {
    const { topology } = this.pool;
    const moved = topology.withSlotsMoved(this.moves);
    this.moves.clear();
    if (moved === topology) return;
    this.movedAt = this.scheduler.now();
    this.listener.onMoved(moved);
  }
}
