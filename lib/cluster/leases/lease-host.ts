import type { Observable } from 'rxjs';
import type { EngineState } from '../common/engine-state.js';
import type { ResolvedClusterOptions } from '../options/options.js';
import type { ClusterCounters } from '../stats/cluster-counters.js';
import type { ClusterNode, ClusterTopology } from '../topology/topology.js';
import type { LeasePool } from './lease-pool.js';
import type { NodePings } from './node-ping.js';

/** What work on leased connections needs from the client; a `ClusterEngine` is one. */
export interface LeaseHost {
  readonly options: ResolvedClusterOptions;
  readonly state: EngineState;
  readonly counters: ClusterCounters;
  readonly topology: ClusterTopology;
  readonly topology$: Observable<ClusterTopology>;
  readonly leases: LeasePool;
  /** Pings nodes while calls block on them. */
  readonly pings: NodePings;
  /** Aborts when the client begins to close. */
  readonly closing: AbortSignal;
  connect(): Promise<void>;
  /** The node that a redirect names; undefined if it is unknown. */
  nodeToFollow(name: string): ClusterNode | undefined;
  /** Ends the wait of a blocked connection; resolves with 1 if there was one. See CLIENT UNBLOCK. */
  unblock(node: ClusterNode, clientId: number): Promise<unknown>;
  /** Requests a read of the topology. */
  reportStale(): void;
}
