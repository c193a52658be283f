export { ClusterClient } from './client/cluster-client.js';
export type { ClusterStatus } from './client/client-status.js';
export type { SubscribeArguments } from './client/ioredis/event-subscriptions.js';
export type { NodeClientRole } from './client/ioredis/node-clients.js';
export type { PublicOptions } from './client/public-options.js';
export { ClusterView } from './client/cluster-view.js';
export { type ClusterCommands } from './client/commands/cluster-commands.js';
export { ClusterPipeline, PipelineUsedError, type PipelineResults } from './client/batch/cluster-pipeline.js';
export type { RepliesOptions } from './client/batch/reply-stream.js';
export { ClusterTransaction } from './client/batch/cluster-transaction.js';
export type { CallOptions } from './client/commands/call-options.js';
export type { IntegerType } from './client/commands/big-integers.js';
export type { DuplicateOptions, DuplicateRedisOptions } from './client/duplicate-options.js';
export {
  ConnectionHookError,
  type ConnectionHook,
  type ConnectionPurpose,
  type NewConnection,
} from './cluster/options/connection-hook.js';
export { ClusterCache } from './client/cluster-cache.js';
export type { CacheInvalidation } from './cluster/caching/cache-invalidation.js';
export { CacheUnavailableError } from './cluster/caching/cache-unavailable-error.js';
export type { ClusterCacheOptions } from './cluster/options/cache-options.js';
export { CommandAbortedError } from './cluster/command/abort-signal.js';
export {
  type Credentials,
  type CredentialsProvider,
  CredentialsUnavailableError,
} from './cluster/options/credentials.js';
export type { Durability } from './cluster/command/call-policy.js';
export { keySlot, SLOT_COUNT } from './cluster/topology/key-slot.js';
export { Script } from './cluster/scripts/script.js';
export type { ClusterClientOptions } from './client/client-options.js';
export type { ClusterEngineOptions, PendingBounds, RetryMode } from './cluster/options/options.js';
export type { ReadFrom, ReadFromFunction, ReadFromWord, ReadFromZone } from './cluster/options/read-from.js';
export type { AddressRemap } from './cluster/topology/slots-reply.js';
export type { Reply } from './cluster/protocol/reply.js';
export type { ClusterLogger, LogEntry, LogFields, LogKind, LogLevel } from './cluster/logging/log-entry.js';
export type {
  ClusterCacheStats,
  ClusterStats,
  CountsByName,
  EntityStats,
  NodeStats,
} from './cluster/stats/cluster-stats.js';
export type { ConnectionStats, LeaseStats, TopologyStats } from './cluster/stats/cluster-stats.js';
export type {
  PendingStats,
  PubSubStats,
  RoundTripStats,
  TrafficStats,
} from './cluster/stats/cluster-stats.js';
export {
  ClusterTopology,
  type ClusterNode,
  type ClusterShard,
  type NodeAddress,
  type SlotRange,
} from './cluster/topology/topology.js';
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
  UnsupportedServerFeatureError,
  type Applied,
  type TopologyErrorCode,
} from './cluster/common/errors.js';
export { PartialFailureError } from './cluster/retry/partial-failure-error.js';
export {
  ClusterTarget,
  type AnyNode,
  type CommandsByNode,
  type CommandsToNode,
  type NodeRole,
  type TargetNodes,
} from './client/target/cluster-target.js';
export type { ScriptDefinition } from './client/commands/defined-commands.js';
export type { KeyScanOptions, ScanOptions } from './client/scan/scan-cluster.js';
export type { ScanStream } from './client/scan/scan-stream.js';
export {
  WatchedTransaction,
  type TransactionCommands,
  type TransactionOptions,
  type TransactionOutcome,
} from './client/batch/watched-transaction.js';
export { ClusterPubSub, type KeyspaceOptions } from './pubsub/cluster-pubsub.js';
export {
  isGap,
  type ChannelNames,
  type MessageOptions,
  type MessageOrGap,
  type ObserveOptions,
} from './pubsub/messages/message-options.js';
export { BufferedMessages, buffered } from './pubsub/buffers/buffered-messages.js';
export { mapBuffered, type MapBufferedOptions } from './pubsub/buffers/map-buffered.js';
export type { BufferOptions, WhenFull } from './pubsub/buffers/bounded-buffer.js';
export type { Publication, PublishResult } from './pubsub/messages/publisher.js';
export type { StandardSchema } from './pubsub/messages/standard-schema.js';
export type { KeyspaceEvent as KeyEvent } from './pubsub/keyspace/keyspace-streams.js';
export {
  BufferOverflowError,
  InvalidPayloadError,
  KeyspaceEventsOffError,
} from './pubsub/common/pubsub-errors.js';
export type { SubscriptionKind } from './pubsub/subscriptions/subscription-kind.js';
export type {
  ChannelName,
  ClusterMessage,
  NameForm,
  UnreadableMessage,
} from './pubsub/subscriptions/cluster-message.js';
export type { Codec, CodecName } from './pubsub/messages/codec.js';
export type { MessageCodec } from './pubsub/messages/message-codec.js';
export type { GapReason, SubscriptionGap } from './pubsub/subscriptions/subscription-gap.js';
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
  DeletedAt,
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
} from './entity/decorators/decorators.js';
export {
  HashOf,
  ListOf,
  SetOf,
  SortedSetOf,
  StreamOf,
  type ElementType,
} from './entity/decorators/collection-decorators.js';
export {
  BelongsTo,
  HasMany,
  type BelongsToOptions,
  type HasManyOptions,
} from './entity/decorators/relation-decorators.js';
export type { Related, RelatedRows, RelationNames, WithRelations } from './entity/decorators/related.js';
export { ClusterCollection } from './entity/collections/cluster-collection.js';
export { ClusterHash } from './entity/collections/cluster-hash.js';
export { ClusterList } from './entity/collections/cluster-list.js';
export { ClusterSet } from './entity/collections/cluster-set.js';
export {
  ClusterSortedSet,
  type RankRange,
  type ScoreBounds,
  type ScoreRange,
  type Scored,
} from './entity/collections/cluster-sorted-set.js';
export { ClusterStream, type StreamEntry, type StreamRange } from './entity/collections/cluster-stream.js';
export type { ClusterEntityOptions } from './entity/decorators/metadata.js';
export type { PropertyType, PropertyOptions } from './entity/decorators/property-type.js';
export type { MigrateOptions, MigrationProgress } from './entity/maintenance/row-migration.js';
export type { ConvertFrom, StoredOptions } from './entity/decorators/stored-options.js';
export type { ValueTransformer } from './entity/codec/composite-codecs.js';
export type { IdGenerator } from './entity/decorators/id-generators.js';
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
} from './entity/decorators/shape.js';
export type { Order, ScanWhere, Where } from './entity/planning/where.js';
export type { Condition, ElementOperators, Operators } from './entity/planning/condition.js';
export type { StreamOptions } from './entity/query/entity-stream.js';
export {
  isChangeOf,
  type ChangeOf,
  type ChangeValues,
  type CommitPlace,
  type EntityChange,
  type PartitionEvent,
  type RowChange,
} from './entity/changes/entity-change.js';
export { ChangeFollower } from './entity/followers/change-follower.js';
export type {
  ChangeContext,
  ChangeGap,
  ChangeHandler,
  FollowedChange,
} from './entity/followers/change-context.js';
export type { DeadLetter } from './entity/followers/dead-letter.js';
export { DeadLetters } from './entity/followers/dead-letters.js';
export type { ClassList, FollowHandler, FollowedOf } from './entity/followers/follow-changes.js';
export type { FollowOptions, FollowRetry } from './entity/followers/follow-options.js';
export type { FollowerStatistics } from './entity/followers/follower-statistics.js';
export type { ChangesOptions } from './entity/changes/change-feed.js';
export type { LockOptions } from './entity/locks/lock-options.js';
export type { LockedFunction, PartitionLock } from './entity/repository/partition-lock.js';
export type { IndexIssue } from './entity/maintenance/index-auditor.js';
export type {
  ReindexOptions,
  ReindexProgress,
  MaintenanceOptions,
} from './entity/maintenance/index-maintenance.js';
export type { FindOptions } from './entity/loading/find-options.js';
export type { FindByOptions, OrderOptions, Page, PageOptions } from './entity/query/query-options.js';
export type {
  Found,
  SelectableNames,
  SelectOptions,
  Selected,
  Unselected,
} from './entity/decorators/selected.js';
export { ClusterRepository } from './entity/repository/cluster-repository.js';
export type { RepositoryClass } from './entity/repository/repository-of.js';
export type { EntitySubscriberMethods, SubscribedClass } from './entity/schema/entity-subscriber.js';
export { EntitySubscriber, type EntitySubscriberOptions } from './nest/subscribers/subscriber.decorator.js';
export { ClusterRepositoryOf } from './nest/common/cluster-repository-of.decorator.js';
export type {
  PartitionDeleteOptions,
  PartitionDeleteProgress,
  PartitionDeletion,
} from './entity/partitions/partition-deletion.js';
export type { PartitionExportOptions } from './entity/partitions/partition-export.js';
export type { PartitionImport, PartitionImportOptions } from './entity/partitions/partition-import.js';
export type { PartitionSize, PartitionSizeOptions } from './entity/partitions/partition-size.js';
export { Partition, type EntitiesOf } from './entity/repository/partition.js';
export type {
  PartitionTransaction,
  TransactionOptions as PartitionTransactionOptions,
} from './entity/transactions/partition-transaction.js';
export type { TransactionCollection } from './entity/transactions/transaction-collections.js';
export type { TransactionFunction } from './entity/transactions/transaction-runner.js';
export type { ItemResult } from './entity/repository/bulk-writes.js';
export type { BulkWriteOptions, WriteOptions } from './entity/common/write-options.js';
export type { DeletedPageOptions } from './entity/deletion/deleted-rows.js';
export type { PurgeOptions } from './entity/repository/repository-deletions.js';
export type { GlobalSweepOptions, SweepOptions } from './entity/maintenance/sweep-options.js';
export type { UpdateOptions } from './entity/operations/update-options.js';
export { EntityRegistry, createRepositories } from './entity/repository/entity-registry.js';
export type { EntityClient } from './entity/common/entity-client.js';
export { assertShape, type ShapeNames } from './entity/records/assert-shape.js';
export {
  EntityNotFoundError,
  EntityNotSavedError,
  EntityExistsError,
  RelationNotLoadedError,
  RepositoryNotReadyError,
  VersionConflictError,
  ConditionNotMetError,
  UniqueViolationError,
  CrossPartitionError,
  PartitionKeyChangedError,
  UnindexedQueryError,
  TransactionTooLargeError,
  SchemaError,
  SchemaMismatchError,
  ChangePassedError,
  ChangesLostError,
  LockLostError,
  LockTimeoutError,
  IndexNotReadyError,
} from './entity/common/entity-errors.js';
export { SchemaRecordError } from './entity/records/schema-record-error.js';
export {
  CLUSTER_MESSAGE_CONTEXT,
  isClusterMessageContext,
} from './nest/handlers/decorators/cluster-message-context.js';
export type {
  ClusterModuleAsyncOptions,
  ClusterModuleOptions,
  ClusterOptionsFactory,
} from './nest/common/cluster-module-options.interface.js';
export { ClusterModule } from './nest/cluster.module.js';
export { getClusterRepositoryToken, getClusterToken, getPubSubToken } from './nest/common/cluster.tokens.js';
export { InjectCluster, InjectClusterRepository, InjectPubSub } from './nest/common/inject.decorators.js';
export { OnChange, type OnChangeOptions } from './nest/handlers/decorators/on-change.decorator.js';
export { ClusterHandlers } from './nest/handlers/cluster-handlers.js';
export type { HandlerStatistics } from './nest/handlers/running-handler.js';
export type { HandlerOrder } from './nest/handlers/handler-queue.js';
export type { HandlerBuffer, HandlerNames } from './nest/handlers/decorators/subscription-metadata.js';
export { Channel, Message, Pattern, Payload } from './nest/handlers/decorators/message-params.decorator.js';
export { ClusterExceptionFilter } from './nest/filters/cluster-exception.filter.js';
export type { ClusterExceptionFilterOptions } from './nest/filters/filter-options.js';
export { CircularImportError, UnknownClusterError } from './nest/common/module-errors.js';
export {
  KeyspaceEvent,
  PatternSubscribe,
  ShardedSubscribe,
  Subscribe,
  type HandlerOptions,
  type SubscribeOptions,
} from './nest/handlers/decorators/subscribe.decorator.js';
export {
  ClusterAdmin,
  type DeletedSlots,
  type MeetOptions,
  type SlotHandover,
} from './client/admin/cluster-admin.js';
export type { NodeReference } from './client/cluster-calls/admin-calls.js';
export type { BusLink } from './client/admin/bus-links.js';
export type { ClusterInfo } from './client/admin/cluster-info.js';
export type { NodeFlag, SeenNode } from './cluster/topology/node-lines.js';
export type { ShardDescription, ShardNode } from './client/cluster-calls/shard-nodes.js';
export type { SlotNode, SlotOwners } from './client/admin/slot-owners.js';
export { SlotMigrationError, type SlotMigrationErrorCode } from './client/migration/slot-migration-error.js';
export type {
  MigratedSlots,
  SlotMigrationOptions,
  SlotMigrationRequest,
  SlotMigrationProgress,
} from './client/migration/migrate-slots.js';
export type { HotKey, HotKeys, HotKeysOptions } from './client/migration/hot-keys.js';
export type { SlotLoad, SlotStats } from './client/migration/slot-stats.js';
export type { RebalanceMove, RebalanceOptions, RebalanceResult } from './client/migration/rebalance.js';
export { NonAtomicCommands } from './client/non-atomic/non-atomic-commands.js';
export {
  IncompleteOperationError,
  PartialWriteError,
  TemporaryExpiredError,
  TooManyMembersError,
} from './client/non-atomic/non-atomic-errors.js';
export type { NonAtomicOptions } from './client/non-atomic/non-atomic-options.js';
export {
  KEYSLOT_CHANNELS,
  keyslotChannel,
  type KeyslotChannel,
  type KeyslotChannelName,
  type KeyslotContexts,
} from './cluster/diagnostics/channels.js';
export type {
  KeyslotCallEvent,
  KeyslotCommandContext,
  KeyslotConnectContext,
  KeyslotContext,
  KeyslotEntityContext,
  KeyslotMessageContext,
  KeyslotNodePart,
  KeyslotOutcome,
  KeyslotPipelineContext,
  KeyslotPublishContext,
  KeyslotRouting,
  KeyslotTopologyContext,
  KeyslotTransactionContext,
} from './cluster/diagnostics/contexts.js';
