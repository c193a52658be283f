export { ClusterClient, type ClusterStatus } from './client/cluster-client.js';
export { ClusterView, type ClusterCommands } from './client/cluster-view.js';
export { ClusterPipeline, PipelineUsedError, type PipelineResults } from './client/cluster-pipeline.js';
export { ClusterTransaction } from './client/cluster-transaction.js';
export type { CallOptions } from './client/call-options.js';
export { keySlot, SLOT_COUNT } from './cluster/key-slot.js';
export { Script } from './cluster/script.js';
export type { ClusterClientOptions, Credentials, PendingBounds, RetryMode } from './cluster/options.js';
export type { ReadFrom, ReadFromFunction } from './cluster/read-from.js';
export type { AddressRemap } from './cluster/slots-reply.js';
export type { Reply } from './cluster/reply.js';
export {
  ClusterTopology,
  type ClusterNode,
  type ClusterShard,
  type NodeAddress,
  type SlotRange,
} from './cluster/topology.js';
export {
  AuthenticationError,
  BackpressureError,
  BlockedCommandError,
  ClientClosedError,
  ClusterError,
  ConnectionError,
  CrossSlotError,
  DeadlineExceededError,
  DurabilityError,
  InvalidArgumentError,
  LeaseTimeoutError,
  OutcomeUnknownError,
  PartialFailureError,
  ProtocolError,
  ReplyError,
  TopologyError,
  TransactionConflictError,
  type Applied,
  type TopologyErrorCode,
} from './cluster/errors.js';
