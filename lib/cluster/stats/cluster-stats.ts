/** Counts by a name: an error code, a kind of redirect, an operation. A name that never occurred is missing. */
export type CountsByName = Readonly<Record<string, number>>;

/** Commands that have no reply yet. */
export interface PendingStats {
  /** All of them: queued, in flight, or waiting to be sent again. */
  readonly commands: number;
  /** Sent commands on shared connections. Commands without a waiting caller count until their replies arrive. */
  readonly inFlight: number;
  /** Commands of pipelines, and parts of calls over several slots, that wait until their node has room for them. */
  readonly waitingForRoom: number;
  /** Bytes of the arguments of these commands. */
  readonly bytes: number;
}

/**
 * The time from writing a command to the arrival of its reply, in ms, on shared connections. It covers the last one to
 * two minutes. A percentile is off by at most 3.2 %.
 */
export interface RoundTripStats {
  /** The number of replies that were measured. The percentiles are 0 if there was none. */
  readonly count: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

/** Open connections, those that are being opened included. */
export interface ConnectionStats {
  /** Connections that all calls share. */
  readonly shared: number;
  /** Connections for blocking commands, watched transactions and writes with `durability`. */
  readonly leased: number;
  /** Connections for subscriptions. */
  readonly subscriber: number;
}

/** Connections that are leased to one caller at a time. */
export interface LeaseStats {
  /** Leases that callers hold now. */
  readonly held: number;
  /** Connections that wait for their next caller. */
  readonly idle: number;
  /** Callers that wait for a connection now. */
  readonly waiting: number;
  /** The most leases at a time: `maxLeasedPerNode`; in total, `maxLeased`. */
  readonly max: number;
  /** Connections that were opened for leases. */
  readonly created: number;
}

/** What was counted for the commands of one node, or of all nodes. */
export interface TrafficStats {
  /**
   * Commands that were sent. Each attempt counts, a transaction (MULTI to EXEC) counts once, and so does each part of a
   * call that goes to several nodes. Commands of the client's own (handshakes, reads of the topology) do not count.
   */
  readonly commands: number;
  /** Bytes that were sent, on all connections. */
  readonly bytesSent: number;
  /** Bytes that were received, on all connections. */
  readonly bytesReceived: number;
  readonly pending: PendingStats;
  readonly roundTripMs: RoundTripStats;
  /** Replies by which a node did not execute a command, by their first word: `MOVED`, `ASK`, `TRYAGAIN`, … */
  readonly redirects: CountsByName;
  /**
   * Commands that were sent again, or kept to be sent again, by the code of the error that was the reason:
   * `CONNECTION`, `TRYAGAIN`, `NOSCRIPT`, … A redirect that is followed at once is not a retry.
   */
  readonly retries: CountsByName;
  /** Calls that ended in OutcomeUnknownError: they may or may not have been executed. */
  readonly unknownOutcomes: number;
  /** Calls that ended in an error, by its code. Codes that a script made up count as `OTHER`. */
  readonly errors: CountsByName;
  /** Calls that were refused because too much waits for the node: those that ended in BackpressureError. */
  readonly backpressure: number;
  readonly connections: ConnectionStats;
  /** Shared connections that were opened in the place of an earlier one. */
  readonly reconnects: number;
  /** Attempts to open a shared connection that failed. */
  readonly connectFailures: number;
  readonly leases: LeaseStats;
}

/** What was counted for one node. */
export interface NodeStats extends TrafficStats {
  /** The role in the topology; undefined for a node that is not part of it (any more). */
  readonly role: 'primary' | 'replica' | undefined;
}

/** What was counted of the topology. */
export interface TopologyStats {
  /** The version of the topology that the client uses; it grows with every change. */
  readonly version: number;
  /** Reads of the topology after the client had connected, failed ones included. */
  readonly refreshes: number;
  /** Reads to which no node answered. */
  readonly refreshFailures: number;
  /** How long the last read took, in ms; undefined before the first one. */
  readonly lastRefreshMs: number | undefined;
}

/** What was counted of subscriptions and their messages. */
export interface PubSubStats {
  /** Names that are subscribed to now, by kind. Subscribers of one name share it. */
  readonly subscriptions: {
    readonly channel: number;
    readonly pattern: number;
    readonly sharded: number;
    /** Patterns of `keyspace()`; each counts once per primary. */
    readonly keyspace: number;
  };
  /** Those of them that no server has confirmed, or that were lost and are not restored yet. */
  readonly unconfirmed: number;
  /** Messages that arrived. */
  readonly messages: number;
  /** Messages that a codec could not decode. */
  readonly unreadable: number;
  /** Intervals in which messages may have been missed, by reason (see `GapReason`). */
  readonly gaps: CountsByName;
  /** Messages that were dropped because a buffer was full: of a handler, of `buffered` or of `mapBuffered`. */
  readonly dropped: number;
  /** Messages that wait in these buffers now. */
  readonly buffered: number;
}

/** What was counted of entities. */
export interface EntityStats {
  /**
   * Operations on rows: `read`; `insert`, `update`, `upsert`, `delete`, those in transactions included; `touch` for a new
   * expiry, or counters and collections in a transaction; `increment`; `collection` for calls on collections. Also
   * `query` for each page of a query or count, and `transaction` for each `transaction()`, however many attempts it takes.
   */
  readonly operations: CountsByName;
  /**
   * Writes that were refused because another writer was first, by the code of the error: `VERSION_CONFLICT`,
   * `ENTITY_EXISTS`, `UNIQUE_VIOLATION`, `CONDITION_NOT_MET`. An attempt of a transaction that conflicts counts as `TRANSACTION_CONFLICT`,
   * also if a later one succeeds.
   */
  readonly conflicts: CountsByName;
  /** Writes whose outcome an entity could not find out, although the server answered. */
  readonly unknownOutcomes: number;
  /**
   * The age, in ms, of the change that `changes()` emitted last when it was emitted, by the clocks of this process and
   * of the server; undefined if it has not emitted any.
   */
  readonly outboxLagMs: number | undefined;
}

/** What a cache has counted since the client was created, and what it holds now. */
export interface ClusterCacheStats {
  /** Reads that were answered from memory. */
  readonly hits: number;
  /** Reads that went to a node. Those that waited for the same read of another caller are among them. */
  readonly misses: number;
  /** Misses that joined a read of the same key that was under way, and sent nothing. */
  readonly joined: number;
  /** Keys that were dropped because a server reported a change. */
  readonly invalidations: number;
  /** Keys that were dropped to make room. */
  readonly evictions: number;
  /** Misses for which there was a reply that nothing had vouched for during the last `maxStaleMs`. */
  readonly staleRefusals: number;
  /** Replies that are kept. */
  readonly entries: number;
  /** The memory that they take, about, in bytes. */
  readonly bytes: number;
}

/**
 * A snapshot of what a client counts; see `ClusterClient.stats()`. Counters start at 0 with the client and only grow.
 * They go on when it is restarted, and stay after it is closed.
 */
export interface ClusterStats {
  /** When the snapshot was taken, in ms since 1970. */
  readonly at: number;
  /** When counting began, in ms since 1970. */
  readonly since: number;
  /** The sum of all nodes, of nodes that have left the cluster, and of calls that reached no node. */
  readonly total: TrafficStats;
  /** Each node of the topology, and every other one with an open connection, by `host:port`. */
  readonly nodes: Readonly<Record<string, NodeStats>>;
  readonly topology: TopologyStats;
  readonly pubsub: PubSubStats;
  readonly entities: EntityStats;
  /** What the cache has counted and holds; undefined for a client without the option `cache`. */
  readonly cache: ClusterCacheStats | undefined;
}
