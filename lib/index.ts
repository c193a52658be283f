export { ClusterClient, type ClusterStatus } from './client/cluster-client.js';
export type { SubscribeArguments } from './client/event-subscriptions.js';
export type { NodeClientRole } from './client/node-clients.js';
export type { ShownOptions } from './client/shown-options.js';
export { ClusterView, type ClusterCommands } from './client/cluster-view.js';
export { ClusterPipeline, PipelineUsedError, type PipelineResults } from './client/cluster-pipeline.js';
export { ClusterTransaction } from './client/cluster-transaction.js';
export type { CallOptions } from './client/call-options.js';
export type { IntegerType } from './client/big-integers.js';
export type { DuplicateOptions, DuplicateRedisOptions } from './client/duplicate-options.js';
export {
  ConnectionHookError,
  type ConnectionHook,
  type ConnectionPurpose,
  type NewConnection,
} from './cluster/connection-hook.js';
export { CommandAbortedError } from './cluster/abort.js';
export { CredentialsUnavailableError } from './cluster/credentials-keeper.js';
export type { Durability } from './cluster/command.js';
export { keySlot, SLOT_COUNT } from './cluster/key-slot.js';
export { Script } from './cluster/script.js';
export type { ClusterClientOptions } from './client/client-options.js';
export type { ClusterEngineOptions, Credentials, PendingBounds, RetryMode } from './cluster/options.js';
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
  ProtocolError,
  ReplyError,
  TopologyError,
  TransactionConflictError,
  UnreadableReplyError,
  type Applied,
  type TopologyErrorCode,
} from './cluster/errors.js';
export { PartialFailureError } from './cluster/partial-failure-error.js';
export {
  ClusterTarget,
  type AnyNode,
  type CommandsByNode,
  type CommandsToNode,
  type NodeRole,
  type TargetNodes,
} from './client/cluster-target.js';
export type { ScriptDefinition } from './client/defined-commands.js';
export type { KeyScanOptions, ScanOptions } from './client/scan-cluster.js';
export type { ScanStream } from './client/scan-stream.js';
export {
  WatchedCommands,
  WatchedTransaction,
  type TransactionOptions,
  type TransactionOutcome,
} from './client/watched-transaction.js';
export { ClusterPubSub, type KeyspaceOptions } from './pubsub/cluster-pubsub.js';
export {
  isGap,
  type ChannelNames,
  type MessageOptions,
  type MessageOrGap,
  type ObserveOptions,
} from './pubsub/message-options.js';
export { BufferedMessages, buffered } from './pubsub/buffered-messages.js';
export { mapBuffered, type MapBufferedOptions } from './pubsub/map-buffered.js';
export type { BufferOptions, WhenFull } from './pubsub/bounded-buffer.js';
export type { Publication, PublishResult } from './pubsub/publisher.js';
export type { StandardSchema } from './pubsub/standard-schema.js';
export type { KeyspaceEvent as KeyEvent } from './pubsub/keyspace-streams.js';
export { BufferOverflowError, InvalidPayloadError, KeyspaceEventsOffError } from './pubsub/pubsub-errors.js';
export type { SubscriptionKind } from './pubsub/subscription-kind.js';
export type { ChannelName, ClusterMessage, NameForm, UnreadableMessage } from './pubsub/cluster-message.js';
export type { Codec, CodecName, MessageCodec } from './pubsub/codec.js';
export type { GapReason, SubscriptionGap } from './pubsub/subscription-gap.js';
export {
  ClusterEntity,
  PrimaryKey,
  PartitionKey,
  Property,
  Embedded,
  Version,
  Counter,
  CreatedAt,
  UpdatedAt,
  ExpiresAt,
  BeforeInsert,
  AfterInsert,
  BeforeUpdate,
  AfterUpdate,
  BeforeRemove,
  AfterRemove,
  AfterLoad,
  Index,
  Unique,
  type KeyOptions,
  type PrimaryKeyOptions,
  type IndexOptions,
  type UniqueOptions,
  type GlobalIndexOptions,
} from './entity/decorators.js';
export {
  HashOf,
  ListOf,
  SetOf,
  SortedSetOf,
  StreamOf,
  type ElementType,
} from './entity/collection-decorators.js';
export { ClusterCollection } from './entity/cluster-collection.js';
export { ClusterHash } from './entity/cluster-hash.js';
export { ClusterList } from './entity/cluster-list.js';
export { ClusterSet } from './entity/cluster-set.js';
export {
  ClusterSortedSet,
  type RankRange,
  type ScoreBounds,
  type ScoreRange,
  type Scored,
} from './entity/cluster-sorted-set.js';
export { ClusterStream, type StreamEntry, type StreamRange } from './entity/cluster-stream.js';
export type { ClusterEntityOptions } from './entity/metadata.js';
export type { PropertyType, PropertyOptions } from './entity/property-type.js';
export type { ValueTransformer } from './entity/composite-codecs.js';
export type { IdGenerator } from './entity/id-generators.js';
export {
  Shape,
  type EntityClass,
  type EntityId,
  type KeyOf,
  type PartitionKeyOf,
  type EntityData,
  type Patch,
  type Demand,
  type CounterOf,
  type CollectionNames,
} from './entity/shape.js';
export type { Where } from './entity/where.js';
export type { Condition, Operators } from './entity/query-condition.js';
export type { StreamOptions } from './entity/entity-stream.js';
export type { EntityChange, PartitionEvent, RowChange } from './entity/entity-change.js';
export type { ChangesOptions } from './entity/change-feed.js';
export type { LockOptions, LockedFunction, PartitionLock } from './entity/partition-lock.js';
export type { IndexIssue } from './entity/index-auditor.js';
export type { ReindexOptions, ReindexProgress, UpkeepOptions } from './entity/index-upkeep.js';
export type { Page, PageOptions } from './entity/entity-finder.js';
export { ClusterRepository } from './entity/cluster-repository.js';
export { Partition, type EntitiesOf } from './entity/partition.js';
export type {
  PartitionTransaction,
  TransactionOptions as PartitionTransactionOptions,
} from './entity/partition-transaction.js';
export type { TransactionCollection } from './entity/transaction-collections.js';
export type { TransactionFunction } from './entity/transaction-runner.js';
export type { ItemResult } from './entity/bulk-writes.js';
export type {
  BulkWriteOptions,
  GlobalSweepOptions,
  SweepOptions,
  UpdateOptions,
  WriteOptions,
} from './entity/write-options.js';
export { EntityRegistry, createRepositories } from './entity/entity-registry.js';
export type { EntityClient } from './entity/entity-client.js';
export { assertShape, type ShapeNames } from './entity/assert-shape.js';
export {
  EntityNotFoundError,
  EntityNotSavedError,
  EntityExistsError,
  VersionConflictError,
  ConditionNotMetError,
  UniqueViolationError,
  CrossPartitionError,
  PartitionKeyChangedError,
  UnindexedQueryError,
  TransactionTooLargeError,
  SchemaError,
  SchemaMismatchError,
  UnsupportedServerFeatureError,
  ChangesLostError,
  LockLostError,
  LockTimeoutError,
  SchemaRecordError,
  IndexNotReadyError,
} from './entity/entity-errors.js';
export { CLUSTER_MESSAGE_CONTEXT, isClusterMessageContext } from './nest/cluster-message-context.js';
export type {
  ClusterModuleAsyncOptions,
  ClusterModuleOptions,
  ClusterOptionsFactory,
} from './nest/cluster-module-options.interface.js';
export { ClusterModule } from './nest/cluster.module.js';
export { getClusterRepositoryToken, getClusterToken, getPubSubToken } from './nest/cluster.tokens.js';
export { InjectCluster, InjectClusterRepository, InjectPubSub } from './nest/inject.decorators.js';
export { ClusterHandlers } from './nest/cluster-handlers.js';
export type { HandlerStatistics } from './nest/running-handler.js';
export type { HandlerOrder } from './nest/handler-queue.js';
export type { HandlerBuffer, HandlerNames } from './nest/handler-subscription.js';
export { Channel, Message, Pattern, Payload } from './nest/message-params.decorator.js';
export { CircularImportError, UnknownClusterError } from './nest/module-errors.js';
export {
  KeyspaceEvent,
  PatternSubscribe,
  ShardedSubscribe,
  Subscribe,
  type HandlerOptions,
  type SubscribeOptions,
} from './nest/subscribe.decorator.js';
export {
  ClusterAdmin,
  type DeletedSlots,
  type MeetOptions,
  type SlotHandover,
} from './client/cluster-admin.js';
export type { NodeReference } from './client/admin/admin-calls.js';
export type { BusLink } from './client/admin/bus-links.js';
export type { ClusterInfo } from './client/admin/cluster-info.js';
export type { NodeFlag, SeenNode } from './client/admin/node-lines.js';
export type { ShardDescription, ShardNode } from './client/admin/shard-nodes.js';
export type { SlotNode, SlotOwners } from './client/admin/slot-owners.js';
export { NonAtomicCommands } from './client/non-atomic/non-atomic-commands.js';
export {
  IncompleteOperationError,
  PartialWriteError,
  TemporaryExpiredError,
  TooManyMembersError,
} from './client/non-atomic/non-atomic-errors.js';
export type { NonAtomicOptions } from './client/non-atomic/non-atomic-options.js';
