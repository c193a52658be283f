import type { ClusterCacheStats } from '../../cluster/stats/cluster-stats.js';
import type { SlotRange } from '../../cluster/topology/topology.js';
import type { EntityOverview } from '../../entity/records/entity-overview.js';

/** Whether every slot is served (`up`), with less redundancy than there could be (`degraded`), or not (`down`). */
export type Verdict = 'up' | 'degraded' | 'down';

/** What the page says first. */
export interface ClusterReport {
  /** The name of the cluster in this application. */
  readonly name: string;
  /** The names of all clusters of this application. */
  readonly names: readonly string[];
  readonly verdict: Verdict;
  /** What is wrong, in words; empty if nothing is. */
  readonly problems: readonly string[];
  /** The status of the client. */
  readonly status: string;
  /** When the client began to count, in ms since 1970. */
  readonly since: number;
}

/** Which shard has which slots, as the client knows it. */
export interface TopologyReport {
  readonly version: number;
  readonly coveredSlots: number;
  readonly shards: readonly ShardReport[];
}

export interface ShardReport {
  readonly primary: string;
  readonly replicas: readonly string[];
  readonly slots: readonly SlotRange[];
}

/**
 * How a node answered last: `ok`; `silent` for no answer in time; `unreachable` for no connection; `refused` for
 * rejected credentials; `busy` or `loading`; `forbidden` if it answers but may not be asked; `unknown` before the first
 * answer.
 */
export type NodeState =
  'ok' | 'silent' | 'unreachable' | 'refused' | 'busy' | 'loading' | 'forbidden' | 'unknown';

/** What a node reports of itself. Undefined fields are those that it did not report. */
export interface NodeInfo {
  readonly version?: string | undefined;
  readonly uptimeSeconds?: number | undefined;
  readonly memoryBytes?: number | undefined;
  /** 0 for no limit. */
  readonly maxMemoryBytes?: number | undefined;
  readonly commandsPerSecond?: number | undefined;
  readonly role?: 'primary' | 'replica' | undefined;
  /** The replication offset of a node. */
  readonly offset?: number | undefined;
  /** Whether a replica is connected to its primary. */
  readonly linkUp?: boolean | undefined;
  /** How many replicas of a primary are online. */
  readonly replicasOnline?: number | undefined;
}

/** A node: what it reports, and what the client measured. */
export interface NodeReport extends NodeInfo {
  readonly name: string;
  /** The role in the client's topology; undefined for a node that is not in it. */
  readonly topologyRole?: 'primary' | 'replica' | undefined;
  /** The index of its shard in the topology; -1 for a node that is not in it. */
  readonly shard: number;
  readonly state: NodeState;
  /** How many bytes a replica is behind its primary. */
  readonly lagBytes?: number | undefined;
  /** Commands of this client a second. */
  readonly ownPerSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly pending: number;
}

/** The figures of the client in one second. Rates are per second. */
export interface Sample {
  /** In ms since 1970. */
  readonly at: number;
  readonly commands: number;
  readonly bytes: number;
  readonly errors: Readonly<Record<string, number>>;
  readonly redirects: number;
  readonly retries: number;
  readonly unknown: number;
  readonly pending: number;
  readonly p50: number;
  readonly p99: number;
  /** Reads through the cache; undefined for a client without one. */
  readonly cache?: { readonly hits: number; readonly misses: number } | undefined;
}

/** Sums since the client began to count. */
export interface TotalsReport {
  readonly commands: number;
  readonly errors: Readonly<Record<string, number>>;
  readonly redirects: Readonly<Record<string, number>>;
  readonly retries: number;
  readonly unknown: number;
  readonly backpressure: number;
  readonly reconnects: number;
  readonly connections: number;
}

/** The busiest slots. */
export interface SlotsReport {
  /** Who counted: the servers (CPU time), or this client (its own commands). */
  readonly source: 'server' | 'client';
  /** Busiest first. `rate` is µs of CPU time a second, or commands a second. */
  readonly slots: readonly { readonly slot: number; readonly rate: number }[];
}

/** The entities of the cluster, and what follows their changes. */
export interface EntitiesReport {
  readonly classes: readonly EntityOverview[];
  /** The age in ms of the change that this client emitted last, at that time. */
  readonly outboxLagMs?: number | undefined;
  readonly operations: Readonly<Record<string, number>>;
  readonly conflicts: Readonly<Record<string, number>>;
  readonly followers: readonly FollowerReport[];
}

export interface FollowerReport {
  readonly group: string;
  readonly handled: number;
  readonly failed: number;
  readonly retried: number;
  readonly putAside: number;
  readonly gaps: number;
  readonly shares: number;
}

/** Subscriptions of the client, and the handlers of the application. */
export interface MessagesReport {
  readonly subscriptions: Readonly<Record<string, number>>;
  readonly unconfirmed: number;
  readonly messages: number;
  readonly unreadable: number;
  readonly dropped: number;
  readonly buffered: number;
  readonly gaps: Readonly<Record<string, number>>;
  readonly handlers: readonly HandlerReport[];
}

export interface HandlerReport {
  readonly handler: string;
  readonly handled: number;
  readonly failed: number;
  readonly dropped: number;
  readonly waiting: number;
}

/** Something that happened. It contains no keys, no values and no credentials. */
export interface LogLine {
  /** Grows by one. */
  readonly id: number;
  /** In ms since 1970. */
  readonly at: number;
  readonly level: 'info' | 'warn' | 'error';
  readonly text: string;
}

/** All that the page shows, but for the history. */
export interface DashboardState {
  readonly cluster: ClusterReport;
  readonly topology: TopologyReport;
  readonly nodes: readonly NodeReport[];
  readonly totals: TotalsReport;
  readonly slots: SlotsReport;
  readonly entities: EntitiesReport;
  readonly messages: MessagesReport;
  /** What the cache has counted and holds; undefined for a client without one. */
  readonly cache?: ClusterCacheStats | undefined;
}

/** What a viewer receives: at first everything, then what has changed, and what is new of the history. */
export interface DashboardUpdate extends Partial<DashboardState> {
  readonly samples: readonly Sample[];
  readonly log: readonly LogLine[];
}
