import type { ClusterNode } from '../topology/topology.js';

/** Chooses one of a shard's nodes (the primary comes first) for a read-only command. */
export type ReadFromFunction = (candidates: readonly ClusterNode[], command: string) => ClusterNode;

/** Where read-only commands go. Writes always go to the primary. */
export type ReadFrom =
  | 'primary'
  | 'primaryPreferred'
  | 'replica'
  | 'replicaPreferred'
  | 'roundRobin'
  | 'roundRobinReplicas'
  | 'randomReplica'
  | 'lowestLatency'
  | ReadFromFunction;
