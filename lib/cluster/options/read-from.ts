import type { ClusterNode } from '../topology/topology.js';

/** Chooses one of a shard's nodes (the primary comes first) for a read-only command. */
export type ReadFromFunction = (candidates: readonly ClusterNode[], command: string) => ClusterNode;

/**
 * Reads within one availability zone: from its fit replicas in turn, else from the primary if it is there, else as
 * `fallback` says.
 */
export interface ReadFromZone {
  /** The zone of this process, such as `eu-central-1a`. */
  readonly zone: string;
  /**
   * Where a read goes if no node of its shard in the zone is fit:
   * - `any` (default): the primary and the replicas in turn
   * - `replica`: the replicas in turn; the primary if none is fit
   * - `primary`: the primary
   */
  readonly fallback?: 'any' | 'replica' | 'primary' | undefined;
  /**
   * The zones of nodes, by `host:port` or by host, as in the topology. Without it, nodes report their zones: Valkey 8.0
   * and later, with `availability-zone` in the configuration. Until they have, the fallback applies.
   */
  readonly zones?: Readonly<Record<string, string>> | undefined;
}

/** A word for where read-only commands go. */
export type ReadFromWord =
  | 'primary'
  | 'primaryPreferred'
  | 'replica'
  | 'replicaPreferred'
  | 'roundRobin'
  | 'roundRobinReplicas'
  | 'randomReplica'
  | 'lowestLatency';

/** Where read-only commands go. Writes always go to the primary. */
export type ReadFrom = ReadFromWord | ReadFromZone | ReadFromFunction;
