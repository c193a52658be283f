import type { Command } from './command.js';
import { InvalidArgumentError } from './errors.js';
import type { NodeChannel } from './node-channel.js';
import type { ReadFrom } from './read-from.js';
import type { ClusterNode, ClusterShard } from './topology.js';

/** How long a node that cannot serve reads is left alone, in ms. */
const UNFIT_MS = 1_000;

/** How reads are spread: the nodes of a shard that are fit come in, the node to ask comes out. */
type Strategy = (selector: ReplicaSelector, shard: FitShard) => ClusterNode | undefined;

interface FitShard {
  readonly primary: ClusterNode;
  readonly primaryIsFit: boolean;
  /** The replicas that are fit to serve reads. */
  readonly replicas: readonly ClusterNode[];
}

const STRATEGIES: Readonly<Record<Exclude<ReadFrom, (...args: never[]) => unknown>, Strategy>> = {
  primary: (_, { primary }) => primary,
  primaryPreferred: (selector, { primary, primaryIsFit, replicas }) =>
    primaryIsFit ? primary : (selector.inTurn(replicas) ?? primary),
  replica: (selector, { replicas }) => selector.inTurn(replicas),
  replicaPreferred: (selector, { primary, replicas }) => selector.inTurn(replicas) ?? primary,
  roundRobin: (selector, { primary, primaryIsFit, replicas }) =>
    selector.inTurn(primaryIsFit ? [primary, ...replicas] : replicas) ?? primary,
  roundRobinReplicas: (selector, { primary, replicas }) => selector.inTurn(replicas) ?? primary,
  randomReplica: (_, { primary, replicas }) =>
    replicas[Math.floor(Math.random() * replicas.length)] ?? primary,
  lowestLatency: (selector, { primary, primaryIsFit, replicas }) =>
    selector.nearest(primaryIsFit ? [primary, ...replicas] : replicas) ?? primary,
};

/** Chooses the node of a shard that serves a read. Nodes that cannot at the moment are passed over. */
export class ReplicaSelector {
  private turn = 0;
  private readonly unfitUntil = new Map<string, number>();
  private readonly latencies = new Map<string, number>();

  constructor(private readonly channelTo: (node: ClusterNode) => NodeChannel) {}

  /** The channel for a read; undefined where the strategy wants a replica and none is fit. */
  choose(shard: ClusterShard, command: Command): NodeChannel | undefined {
    const node = this.chooseNode(shard, command);
    if (node === undefined) return undefined;
    const channel = this.channelTo(node);
    if (node.role === 'replica') channel.serveReplicaReads();
    return channel;
  }

  /** Leaves a node alone for a moment. */
  markUnfit(name: string): void {
    this.unfitUntil.set(name, performance.now() + UNFIT_MS);
  }

  /** Notes how long a node took to answer, in ms; a moving average evens it out. */
  noteLatency(name: string, ms: number): void {
    const known = this.latencies.get(name);
    this.latencies.set(name, known === undefined ? ms : known * 0.7 + ms * 0.3);
  }

  /** One after the other. */
  inTurn(nodes: readonly ClusterNode[]): ClusterNode | undefined {
    return nodes[this.turn++ % nodes.length];
  }

  /** The node that answers fastest; one that was not measured yet comes last. */
  nearest(nodes: readonly ClusterNode[]): ClusterNode | undefined {
    const latency = (node: ClusterNode): number => this.latencies.get(node.name) ?? Infinity;
    return nodes.reduce<ClusterNode | undefined>(
      (best, node) => (best === undefined || latency(node) < latency(best) ? node : best),
      undefined,
    );
  }

  private chooseNode(shard: ClusterShard, command: Command): ClusterNode | undefined {
    const { readFrom } = command.policy;
    const fit: FitShard = {
      primary: shard.primary,
      primaryIsFit: this.isFit(shard.primary),
      replicas: shard.replicas.filter((replica) => this.isFit(replica)),
    };
    if (typeof readFrom !== 'function') return STRATEGIES[readFrom](this, fit);
    const candidates = [
      ...(fit.primaryIsFit || fit.replicas.length === 0 ? [fit.primary] : []),
      ...fit.replicas,
    ];
    const chosen = readFrom(candidates, command.row.name);
    if (candidates.includes(chosen)) return chosen;
    throw new InvalidArgumentError(
      'readFrom',
      'The readFrom function must return one of the candidates it was given',
    );
  }

  private isFit(node: ClusterNode): boolean {
    const until = this.unfitUntil.get(node.name);
    if (until !== undefined) {
      if (performance.now() < until) return false;
      this.unfitUntil.delete(node.name);
    }
    return this.channelTo(node).fit;
  }
}
