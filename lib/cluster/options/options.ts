import type { ConnectionOptions } from 'node:tls';
import type { ClusterCacheOptions, ResolvedCacheOptions } from './cache-options.js';
import type { ConnectionHook, ConnectionSetup } from './connection-hook.js';
import { type IdentityQuestion } from '../topology/node-identity.js';
import type { ConnectionState } from './connection-state.js';
import type { ReadFrom } from './read-from.js';
import type { AddressRemap } from '../topology/slots-reply.js';
import type { NodeAddress } from '../topology/topology.js';
import type { CredentialsProvider, CredentialsSource } from './credentials.js';
import type { ClusterLogger, LogKind } from '../logging/log-entry.js';

/**
 * Which commands are sent again if their connection was lost before the reply:
 * - `safe`: those whose second execution makes no difference if no other client writes in between
 * - `reads`: those that change nothing, so that no write runs after later writes of other clients
 * - `never`: none; commands that a server refused for the moment are not tried again either
 * - `always`: all of them, which may then run twice
 */
export type RetryMode = 'safe' | 'reads' | 'never' | 'always';

/** The limits of what may wait for one node. */
export interface PendingBounds {
  /** Commands, queued and in flight. */
  commands: number;
  /** The bytes of their arguments. One command at a time that has more than half of them does not count. */
  bytes: number;
}

/** The options for connecting and routing. Unknown options are rejected by name. */
export interface ClusterEngineOptions {
  /**
   * The nodes to start from: `host:port`, a `redis://` or `rediss://` URL, or host and port. One reachable node
   * is enough; list several in case it is down.
   */
  nodes?: readonly (string | NodeAddress)[] | undefined;
  /** ACL user; also from a URL. */
  username?: string | undefined;
  /** Password; also from a URL. */
  password?: string | undefined;
  /**
   * Returns credentials. Called whenever a connection is opened, and when its last answer is due for renewal
   * (`refreshAfterMs`), or when it says so (`onChange`). Use it instead of `username` and `password`. `keyslot/credentials`
   * has providers for tokens of AWS and Azure, and for files.
   */
  credentialsProvider?: CredentialsProvider | undefined;
  /** TLS options of `node:tls`, or `true` for its defaults; a `rediss:` URL implies `true`. */
  tls?: ConnectionOptions | boolean | undefined;
  /** The name of connections (CLIENT SETNAME). Leased connections are named `leased:` followed by it. */
  clientName?: string | undefined;
  /**
   * Called with each connection before it is used, including leased and subscriber connections. If it fails,
   * the connection is not used, and another attempt follows.
   */
  onConnect?: ConnectionHook | undefined;
  /**
   * The RESP version for commands; see `replyMapping` for the form of replies. Subscribers use RESP3 if they
   * can. Default 2.
   */
  protocol?: 2 | 3 | undefined;
  /**
   * The form of replies. `legacy`: that of RESP2, whatever the protocol. `resp3`, which needs `protocol: 3`:
   * maps are objects, doubles are numbers, booleans are booleans, members with scores are pairs. The TypeScript
   * types of ioredis do not reflect this. Default `legacy`.
   */
  replyMapping?: 'legacy' | 'resp3' | undefined;
  /** Returns numbers in replies as text. Default false. */
  stringNumbers?: boolean | undefined;
  /**
   * The database that every connection selects. Only Valkey 9 or later has others than 0 in a cluster
   * (`cluster-databases`). Default 0.
   */
  database?: number | undefined;
  /** A prefix for every key. It must not contain braces. */
  keyPrefix?: string | undefined;
  /** Connects with the first command rather than at the start of the application. Default false. */
  lazyConnect?: boolean | undefined;
  /** Does not start while a slot has no owner. Default true. */
  requireFullCoverage?: boolean | undefined;
  /** Also uses nodes learned from the cluster for reading the topology. Default true. */
  dynamicStartupNodes?: boolean | undefined;
  /** Maps addresses that the cluster announces to addresses that can be reached from here. */
  addressRemap?: AddressRemap | undefined;
  /** Where reads go. Default `primary`. */
  readFrom?: ReadFrom | undefined;
  /** Which commands are sent again after a lost connection. Default `safe`. */
  retry?: RetryMode | undefined;
  /** How long a call may take, retries included, in ms. Default 10000. */
  deadlineMs?: number | undefined;
  /** How long opening one connection may take, in ms. Default 2000. */
  connectTimeoutMs?: number | undefined;
  /** How long `connect()` tries, in ms. Default 10000. */
  startupTimeoutMs?: number | undefined;
  /** How long a reply may be overdue, in ms, before the other nodes are asked about the silent node. Default 1000. */
  replyTimeoutMs?: number | undefined;
  /** TCP keepalive delay in ms. Default 10000. */
  keepAliveMs?: number | undefined;
  /** How often the topology is read again when nothing happens, in ms. Default 30000. */
  refreshIntervalMs?: number | undefined;
  /** The limits of what may wait for one node. Default 50000 commands, 64 MiB. */
  maxPendingPerNode?: Partial<PendingBounds> | undefined;
  /** How many leased connections (blocking commands, WATCH) there may be to one node. Default 50. */
  maxLeasedPerNode?: number | undefined;
  /** How many leased connections there may be in total, including idle ones. Default 500. */
  maxLeased?: number | undefined;
  /** How long a call waits for a leased connection, in ms. Default 2000. */
  leaseTimeoutMs?: number | undefined;
  /** Blocked commands to allow. */
  allowBlocked?: readonly string[] | undefined;
  /** How often idle subscriber connections are pinged, in ms. Default 1000. */
  heartbeatMs?: number | undefined;
  /** How often `stats$` emits a snapshot while it has subscribers, in ms. Default 1000. */
  statsIntervalMs?: number | undefined;
  /**
   * What is logged: `error`, `topology`, `slow`, `command`. Default: nothing, or `error` and `topology` if there is a
   * `logger`. `ClusterModule` logs to the Logger of Nest; without it, a `logger` is needed.
   */
  logging?: readonly LogKind[] | undefined;
  /** How long a call may take before `logging: ['slow']` logs it, in ms. Default 50. */
  slowMs?: number | undefined;
  /** Receives the entries of the log. What it throws is reported once, as a process warning. */
  logger?: ClusterLogger | undefined;
  /**
   * Keeps replies in memory for views that want it: `cluster.with({ cache: true })`. Uses RESP3. Default: no cache.
   */
  cache?: ClusterCacheOptions | undefined;
  /** What tracing channels publish. With `keys: true` contexts carry the keys of commands. Default `{ keys: false }`. */
  telemetry?: KeyDisclosure | undefined;
  /** What errors carry. With `keys: true` errors of commands have `keys`. Default `{ keys: false }`. */
  errors?: KeyDisclosure | undefined;
}

/** Whether keys are shown, which may name users or hold secrets. */
export interface KeyDisclosure {
  keys?: boolean | undefined;
}

/** Options with every default filled in. */
export interface ResolvedClusterOptions extends ConnectionSetup {
  readonly nodes: readonly NodeAddress[];
  readonly credentials: CredentialsSource;
  readonly identify: IdentityQuestion;
  readonly tls: ConnectionOptions | undefined;
  readonly clientName: string | undefined;
  readonly connectionState: ConnectionState;
  readonly protocol: 2 | 3;
  readonly replyMapping: 'legacy' | 'resp3';
  readonly stringNumbers: boolean;
  readonly database: number;
  readonly keyPrefix: string;
  readonly lazyConnect: boolean;
  readonly requireFullCoverage: boolean;
  readonly dynamicStartupNodes: boolean;
  readonly addressRemap: AddressRemap | undefined;
  readonly readFrom: ReadFrom;
  readonly retry: RetryMode;
  readonly deadlineMs: number;
  readonly connectTimeoutMs: number;
  readonly startupTimeoutMs: number;
  readonly replyTimeoutMs: number;
  readonly keepAliveMs: number;
  readonly refreshIntervalMs: number;
  readonly maxPendingPerNode: PendingBounds;
  readonly maxLeasedPerNode: number;
  readonly maxLeased: number;
  readonly leaseTimeoutMs: number;
  readonly allowBlocked: ReadonlySet<string>;
  readonly heartbeatMs: number;
  readonly statsIntervalMs: number;
  readonly cache: ResolvedCacheOptions | undefined;
  readonly telemetryKeys: boolean;
  readonly errorKeys: boolean;
  readonly logging: ReadonlySet<LogKind>;
  readonly slowMs: number;
  readonly logger: ClusterLogger | undefined;
  /** Returns the time by which entities expire, in milliseconds since 1970: that of servers and clients alike. */
  readonly now: () => number;
  /** Numbers the clients of this process. */
  readonly clientId: number;
}
