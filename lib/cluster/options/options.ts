import type { ConnectionOptions } from 'node:tls';
import type { ConnectionHook } from './connection-hook.js';
import { type IdentityQuestion } from '../topology/node-identity.js';
import type { ReadFrom } from './read-from.js';
import type { AddressRemap } from '../topology/slots-reply.js';
import type { NodeAddress } from '../topology/topology.js';
import type { Credentials } from './credentials.js';

/**
 * Which commands are sent again after a connection died with their reply owing:
 * - `safe`: those whose second run goes unnoticed where nobody else writes in between
 * - `reads`: those that change nothing, so that no write runs behind what others have written meanwhile
 * - `never`: none; nor is what a server refused for the moment tried again
 * - `always`: all of them, which may run twice
 */
export type RetryMode = 'safe' | 'reads' | 'never' | 'always';

/** What waits for one node at most. */
export interface PendingBounds {
  /** Commands, queued and in flight. */
  commands: number;
  /** Bytes of their arguments. One command at a time that has more than half of these does not count. */
  bytes: number;
}

/** What a cluster client connects and routes by. Anything else is refused by name. */
export interface ClusterEngineOptions {
  /**
   * Nodes to start from: `host:port`, a `redis://` or `rediss://` URL, or host and port. One is enough, several are
   * better.
   */
  nodes?: readonly (string | NodeAddress)[] | undefined;
  /** ACL user; also from a URL. */
  username?: string | undefined;
  /** Password; also from a URL. */
  password?: string | undefined;
  /**
   * Asked for credentials whenever a connection is made, and when those it gave are due (`refreshAfterMs`); instead of
   * `username` and `password`.
   */
  credentialsProvider?: (() => Credentials | Promise<Credentials>) | undefined;
  /** TLS options of `node:tls`, or `true` for its defaults; a `rediss:` URL implies `true`. */
  tls?: ConnectionOptions | boolean | undefined;
  /** Told to the server as CLIENT SETNAME; leased connections are named `leased:` and this. */
  clientName?: string | undefined;
  /**
   * Called with each connection before it is used, those that are leased and those of subscribers among them. Where it
   * fails the connection is not taken, and another attempt follows.
   */
  onConnect?: ConnectionHook | undefined;
  /**
   * RESP version on the wire of commands; see `replyMapping` for the shapes of replies. Subscribers speak RESP3 where
   * they can. Default 2.
   */
  protocol?: 2 | 3 | undefined;
  /**
   * Shapes of replies. `legacy`: those of RESP2, whatever the protocol. `resp3`, which needs `protocol: 3`: maps are
   * objects, doubles numbers, booleans booleans, members with scores pairs; ioredis' types of replies do not tell of
   * it. Default `legacy`.
   */
  replyMapping?: 'legacy' | 'resp3' | undefined;
  /** Numbers of replies as text. Default false. */
  stringNumbers?: boolean | undefined;
  /** Put before every key. No braces. */
  keyPrefix?: string | undefined;
  /** Connect with the first command rather than when the application starts. Default false. */
  lazyConnect?: boolean | undefined;
  /** Refuse to start while a slot has no owner. Default true. */
  requireFullCoverage?: boolean | undefined;
  /** Learn nodes from the cluster, to start from them later. Default true. */
  dynamicStartupNodes?: boolean | undefined;
  /** Turns addresses that the cluster announces into ones that can be reached from here. */
  addressRemap?: AddressRemap | undefined;
  /** Where reads go. Default `primary`. */
  readFrom?: ReadFrom | undefined;
  /** What is sent again after a lost connection. Default `safe`. */
  retry?: RetryMode | undefined;
  /** How long a call may take, retries included, in ms. Default 10000. */
  deadlineMs?: number | undefined;
  /** How long one connection may take to be made, in ms. Default 2000. */
  connectTimeoutMs?: number | undefined;
  /** How long `connect()` tries, in ms. Default 10000. */
  startupTimeoutMs?: number | undefined;
  /** Silence of a node that owes a reply, in ms, after which the others are asked about it. Default 1000. */
  replyTimeoutMs?: number | undefined;
  /** TCP keepalive delay in ms. Default 10000. */
  keepAliveMs?: number | undefined;
  /** How often the topology is read again when nothing happens, in ms. Default 30000. */
  refreshIntervalMs?: number | undefined;
  /** Bounds of what waits for one node. Default 50000 commands, 64 MiB. */
  maxPendingPerNode?: Partial<PendingBounds> | undefined;
  /** Leased connections (blocking commands, WATCH) to one node. Default 50. */
  maxLeasedPerNode?: number | undefined;
  /** Leased connections in all, idle ones included. Default 500. */
  maxLeased?: number | undefined;
  /** How long a call waits for a leased connection, in ms. Default 2000. */
  leaseTimeoutMs?: number | undefined;
  /** Blocked commands to let through. */
  allowBlocked?: readonly string[] | undefined;
  /** How often idle subscriber connections are asked for a sign of life, in ms. Default 1000. */
  heartbeatMs?: number | undefined;
  /** How often `stats$` emits a snapshot while it has subscribers, in ms. Default 1000. */
  statsIntervalMs?: number | undefined;
}

/** Options with every default filled in. */
export interface ResolvedClusterOptions {
  readonly nodes: readonly NodeAddress[];
  readonly credentials: () => Promise<Credentials | undefined>;
  readonly identify: IdentityQuestion;
  readonly tls: ConnectionOptions | undefined;
  readonly clientName: string | undefined;
  readonly onConnect: ConnectionHook | undefined;
  readonly protocol: 2 | 3;
  readonly replyMapping: 'legacy' | 'resp3';
  readonly stringNumbers: boolean;
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
}
