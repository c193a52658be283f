import type { Argument } from '../../cluster/protocol/request-encoder.js';
import type { ClusterNode, ClusterTopology } from '../../cluster/topology/topology.js';

/** What a walk over all keys needs from the client. */
export interface ScanSource {
  /** Returns the topology as it is known; connects first if the client is not connected. */
  topology(): Promise<ClusterTopology>;
  /** Reads the topology again. */
  refreshTopology(): Promise<ClusterTopology>;
  /** Reports that the topology lacks a node it should have. */
  reportUnknownNode(): void;
  /** Runs a command on one node; strings of the reply are Buffers. */
  onNode(node: ClusterNode, name: string, args: readonly Argument[]): Promise<unknown>;
  /** How long the walk may go without progress, in ms. */
  readonly deadlineMs: number;
}
