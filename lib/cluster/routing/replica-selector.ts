import { random } from '../runtime/randomness.js';
import type { Command } from '../command/command.js';
import { InvalidArgumentError } from '../common/errors.js';
import type { NodeChannel } from '../connection/node-channel.js';
import type { ReadFromWord, ReadFromZone } from '../options/read-from.js';
import type { ReplicaMonitor } from './replica-monitor.js';
import type { ClusterNode, ClusterShard } from '../topology/topology.js';

/** How reads are spread: the nodes of a shard that are fit come in, the node to ask comes out. */
type Strategy = (selector: ReplicaSelector, shard: FitShard) => ClusterNode | undefined;

interface FitShard {
  readonly primary: ClusterNode;
  readonly primaryIsFit: boolean;
  /** The replicas that are fit to serve reads. */
  readonly replicas: readonly ClusterNode[];
}

const STRATEGIES: Readonly<Record<ReadFromWord, Strategy>> = {
  primary: (_, { primary }) => primary,
  primaryPreferred: (selector, { primary, primaryIsFit, replicas }) =>
    primaryIsFit ? primary : (selector.inTurn(replicas) ?? primary),
  replica: (selector, { replicas }) => selector.inTurn(replicas),
  replicaPreferred: (selector, { primary, replicas }) => selector.inTurn(replicas) ?? primary,
  roundRobin: (selector, { primary, primaryIsFit, replicas }) =>
    selector.inTurn(primaryIsFit ? [primary, ...replicas] : replicas) ?? primary,
  roundRobinReplicas: (selector, { primary, replicas }) => selector.inTurn(replicas) ?? primary,
  randomReplica: (_, { primary, replicas }) => replicas[Math.floor(random() * replicas.length)] ?? primary,
  lowestLatency: (selector, { primary, primaryIsFit, replicas }) =>
    selector.nearest(primaryIsFit ? [primary, ...replicas] : replicas) ?? primary,
};

const FALLBACKS: Readonly<Record<NonNullable<ReadFromZone['fallback']>, Strategy>> = {
  any: STRATEGIES.roundRobin,
  replica: STRATEGIES.replicaPreferred,
  primary: STRATEGIES.primary,
};

/** Chooses the node of a shard that serves a read. Nodes that cannot at the moment are passed over. */
export class ReplicaSelector {
  private turn = 0;

  constructor(
    private readonly monitor: ReplicaMonitor,
    private readonly channelTo: (node: ClusterNode) => NodeChannel,
  ) {}

  /** The channel for a read; undefined where the strategy wants a replica and none is fit. */
  choose(shard: ClusterShard, command: Command): NodeChannel | undefined {
    this.monitor.watch();
    const node = this.chooseNode(shard, command);
    if (node === undefined) return undefined;
    const channel = this.channelTo(node);
    if (node.role === 'replica') channel.serveReplicaReads();
    return channel;
  }

  /** One after the other. */
  inTurn(nodes: readonly ClusterNode[]): ClusterNode | undefined {
    return nodes.length === 0 ? undefined : nodes[this.turn++ % nodes.length];
  }

  /** The node that answers fastest; one that was not measured yet comes last. */
  nearest(nodes: readonly ClusterNode[]): ClusterNode | undefined {
    return nodes.reduce<ClusterNode | undefined>(
      (best, node) =>
        best === undefined || this.monitor.latencyOf(node) < this.monitor.latencyOf(best) ? node : best,
      undefined,
    );
  }

  private inZone(shard: FitShard, readFrom: ReadFromZone): ClusterNode | undefined {
    const { primary, primaryIsFit, replicas } = shard;
    const { zones } = this.monitor;
    const near = this.inTurn(replicas.filter((replica) => zones.isIn(replica, readFrom)));
    if (near !== undefined) return near;
    if (primaryIsFit && zones.isIn(primary, readFrom)) return primary;
    return FALLBACKS[readFrom.fallback ?? 'any'](this, shard);
  }

  private chooseNode(shard: ClusterShard, command: Command): ClusterNode | undefined {
    const { readFrom } = command.policy;
    const fit: FitShard = {
      primary: shard.primary,
      primaryIsFit: this.monitor.isFit(shard.primary),
      replicas: shard.replicas.filter((replica) => this.monitor.isFit(replica)),
    };
    if (typeof readFrom === 'string') return STRATEGIES[readFrom](this, fit);
    if (typeof readFrom === 'object') return this.inZone(fit, readFrom);
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
}
