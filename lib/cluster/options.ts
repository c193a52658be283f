import type { ConnectionOptions } from 'node:tls';
import { parseAllowBlocked } from './blocked-commands.js';
import type { ConnectionHook } from './connection-hook.js';
import { InvalidArgumentError } from './errors.js';
import { identityQuestion, type IdentityQuestion } from './node-identity.js';
import type { ReadFrom } from './read-from.js';
import { seedsOf, type Seed } from './seeds.js';
import type { AddressRemap } from './slots-reply.js';
import type { NodeAddress } from './topology.js';
import { kindOf, otherOfKind, whatCame } from './what-came.js';

/** A user name and password, as the server's ACL knows them. */
export interface Credentials {
  username?: string | undefined;
  password: string;
  /** From a provider: when it is to be asked again, and open connections authenticated anew, in ms. Default: never. */
  refreshAfterMs?: number | undefined;
}

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
  /** Nodes to start from: `host:port`, a `redis://` or `rediss://` URL, or host and port. One is enough, several are better. */
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
  /** RESP version on the wire of commands; see `replyMapping` for the shapes of replies. Subscribers speak RESP3 where they can. Default 2. */
  protocol?: 2 | 3 | undefined;
  /**
   * Shapes of replies. `legacy`: those of RESP2, whatever the protocol. `resp3`, which needs `protocol: 3`: maps are
   * objects, doubles numbers, booleans booleans, members with scores pairs; ioredis' types of replies do not tell of it.
   * Default `legacy`.
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
}

type Check = (value: unknown, name: string) => void;

const refuse = (name: string, expected: string, came: string): never => {
  throw new InvalidArgumentError(name, `Option ${name} must be ${expected}; ${came} came`);
};
const text: Check = (value, name) => {
  if (typeof value !== 'string') refuse(name, 'a string', kindOf(value));
};
const flag: Check = (value, name) => {
  if (typeof value !== 'boolean') refuse(name, 'true or false', whatCame(value));
};
const callable: Check = (value, name) => {
  if (typeof value !== 'function') refuse(name, 'a function', kindOf(value));
};
const oneOf =
  (...allowed: unknown[]): Check =>
  (value, name) => {
    if (allowed.includes(value)) return;
    const word = typeof value === 'string' && /^[a-z]{1,30}$/i.test(value);
    refuse(name, `one of ${allowed.join(', ')}`, word ? `'${value}'` : whatCame(value));
  };
// setTimeout holds its delay in 31 bits and fires at once beyond them
const MAX_TIMER_MS = 2 ** 31 - 1;
const milliseconds: Check = (value, name) => {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > MAX_TIMER_MS)
    refuse(name, `a whole number of milliseconds, from 1 to ${MAX_TIMER_MS}`, whatCame(value));
};
const count: Check = (value, name) => {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1)
    refuse(name, 'a whole number of at least 1', whatCame(value));
};

export const READ_FROM = [
  'primary',
  'primaryPreferred',
  'replica',
  'replicaPreferred',
  'roundRobin',
  'roundRobinReplicas',
  'randomReplica',
  'lowestLatency',
] as const;

/** Every option with the check of its value. */
const CHECKS: Readonly<Record<keyof ClusterEngineOptions, Check>> = {
  nodes: (value, name) => {
    if (!Array.isArray(value) || value.length === 0)
      refuse(name, 'a list of at least one node', kindOf(value));
  },
  username: text,
  password: text,
  credentialsProvider: callable,
  tls: (value, name) => {
    if (typeof value !== 'boolean' && (typeof value !== 'object' || value === null))
      refuse(name, 'TLS options or a boolean', whatCame(value));
  },
  clientName: (value, name) => {
    const fits = typeof value === 'string' && /^[\x21-\x7e]+$/.test(value);
    if (!fits) refuse(name, 'printable ASCII without spaces, as CLIENT SETNAME wants it', otherOfKind(value));
  },
  onConnect: callable,
  protocol: oneOf(2, 3),
  replyMapping: oneOf('legacy', 'resp3'),
  stringNumbers: flag,
  keyPrefix: (value, name) => {
    const fits = typeof value === 'string' && !/[{}]/.test(value);
    if (!fits)
      refuse(name, 'a string without braces, which would change the slot of every key', otherOfKind(value));
  },
  lazyConnect: flag,
  requireFullCoverage: flag,
  dynamicStartupNodes: flag,
  addressRemap: callable,
  readFrom: (value, name) => {
    if (typeof value !== 'function') oneOf(...READ_FROM)(value, name);
  },
  retry: oneOf('safe', 'reads', 'never', 'always'),
  deadlineMs: milliseconds,
  connectTimeoutMs: milliseconds,
  startupTimeoutMs: milliseconds,
  replyTimeoutMs: milliseconds,
  keepAliveMs: milliseconds,
  refreshIntervalMs: milliseconds,
  maxPendingPerNode: (value, name) => {
    if (typeof value !== 'object' || value === null) refuse(name, '{ commands, bytes }', whatCame(value));
    for (const [key, bound] of Object.entries(value as object)) {
      oneOf('commands', 'bytes')(key, `${name} (its keys)`);
      if (bound !== undefined) count(bound, `${name}.${key}`);
    }
  },
  maxLeasedPerNode: count,
  maxLeased: count,
  leaseTimeoutMs: milliseconds,
  allowBlocked: (value, name) => {
    const fits = Array.isArray(value) && value.every((command) => typeof command === 'string');
    if (!fits) refuse(name, 'a list of command names', otherOfKind(value));
  },
  heartbeatMs: milliseconds,
};

/** Refuses what is no object of options, such as a URL or a list of nodes. @throws InvalidArgumentError */
export function checkIsObject(options: unknown): void {
  if (typeof options === 'object' && options !== null && !Array.isArray(options)) return;
  throw new InvalidArgumentError(
    'options',
    `The options are an object, such as { nodes: ["127.0.0.1:7000"] }; ${kindOf(options)} came`,
  );
}

/** Checks the value of one option. @throws InvalidArgumentError */
export function checkOption(name: keyof ClusterEngineOptions, value: unknown): void {
  CHECKS[name](value, name);
}

/**
 * Checks options and fills in defaults. With no nodes given they come from the environment variable
 * `REDIS_CLUSTER_NODES` (comma-separated), else 127.0.0.1:7000.
 * @param knownElsewhere names of further options, which the caller has dealt with
 * @throws InvalidArgumentError naming the option; never its value where that may be a secret
 */
export function resolveOptions(
  options: ClusterEngineOptions = {},
  knownElsewhere: readonly string[] = [],
): ResolvedClusterOptions {
  checkIsObject(options);
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(CHECKS, name)) {
      throw new InvalidArgumentError(
        name,
        `Unknown option ${name}; known are ${[...Object.keys(CHECKS), ...knownElsewhere].join(', ')}`,
      );
    }
    if (value !== undefined) CHECKS[name as keyof ClusterEngineOptions](value, name);
  }
  if (options.replyMapping === 'resp3' && options.protocol !== 3) {
    throw new InvalidArgumentError(
      'replyMapping',
      "Option replyMapping: 'resp3' needs protocol: 3 beside it",
    );
  }
  const seeds = seedsOf(options.nodes);
  return {
    nodes: seeds.map((seed) => seed.address),
    credentials: credentialsOf(options, seeds),
    identify: identityQuestion(),
    tls: tlsOf(options, seeds),
    clientName: options.clientName,
    onConnect: options.onConnect,
    protocol: options.protocol ?? 2,
    replyMapping: options.replyMapping ?? 'legacy',
    stringNumbers: options.stringNumbers ?? false,
    keyPrefix: options.keyPrefix ?? '',
    lazyConnect: options.lazyConnect ?? false,
    requireFullCoverage: options.requireFullCoverage ?? true,
    dynamicStartupNodes: options.dynamicStartupNodes ?? true,
    addressRemap: options.addressRemap,
    readFrom: options.readFrom ?? 'primary',
    retry: options.retry ?? 'safe',
    deadlineMs: options.deadlineMs ?? 10_000,
    connectTimeoutMs: options.connectTimeoutMs ?? 2_000,
    startupTimeoutMs: options.startupTimeoutMs ?? 10_000,
    replyTimeoutMs: options.replyTimeoutMs ?? 1_000,
    keepAliveMs: options.keepAliveMs ?? 10_000,
    refreshIntervalMs: options.refreshIntervalMs ?? 30_000,
    maxPendingPerNode: {
      commands: options.maxPendingPerNode?.commands ?? 50_000,
      bytes: options.maxPendingPerNode?.bytes ?? 64 * 1024 * 1024,
    },
    maxLeasedPerNode: options.maxLeasedPerNode ?? 50,
    maxLeased: options.maxLeased ?? 500,
    leaseTimeoutMs: options.leaseTimeoutMs ?? 2_000,
    allowBlocked: parseAllowBlocked(options.allowBlocked ?? []),
    heartbeatMs: options.heartbeatMs ?? 1_000,
  };
}

/** One set of credentials serves all nodes, so what the URLs and the options say must agree. */
function credentialsOf(
  options: ClusterEngineOptions,
  seeds: readonly Seed[],
): () => Promise<Credentials | undefined> {
  const fromOptions =
    options.password === undefined ? undefined : { username: options.username, password: options.password };
  if (options.username !== undefined && options.password === undefined) {
    throw new InvalidArgumentError('username', 'Option username needs a password beside it');
  }
  const given = [fromOptions, ...seeds.map((seed) => seed.credentials)].filter((one) => one !== undefined);
  const [first] = given;
  if (given.some((one) => one.username !== first.username || one.password !== first.password)) {
    throw new InvalidArgumentError(
      'nodes',
      'The nodes and options give different credentials; one set is used for all nodes',
    );
  }
  const provider = options.credentialsProvider;
  if (provider === undefined) return async () => first;
  if (first !== undefined) {
    throw new InvalidArgumentError(
      'credentialsProvider',
      'Option credentialsProvider excludes a username and password',
    );
  }
  return async () => {
    const answer: unknown = await provider();
    const { username, password, refreshAfterMs } = (answer ?? {}) as Record<keyof Credentials, unknown>;
    if (typeof password !== 'string' || (username !== undefined && typeof username !== 'string')) {
      throw new InvalidArgumentError(
        'credentialsProvider',
        'Option credentialsProvider must give { password } or { username, password }, both strings; ' +
          `${answer === null || typeof answer !== 'object' ? kindOf(answer) : 'another object'} came`,
      );
    }
    if (refreshAfterMs !== undefined) milliseconds(refreshAfterMs, 'credentialsProvider (refreshAfterMs)');
    return { username, password, refreshAfterMs: refreshAfterMs as number | undefined };
  };
}

function tlsOf(options: ClusterEngineOptions, seeds: readonly Seed[]): ConnectionOptions | undefined {
  const secure = seeds.filter((seed) => seed.tls).length;
  if (options.tls === false && secure > 0) {
    throw new InvalidArgumentError('tls', 'Option tls is false, and a node is given by a rediss:// URL');
  }
  if (secure > 0 && secure < seeds.length && !options.tls) {
    throw new InvalidArgumentError(
      'nodes',
      'Some nodes are given by a rediss:// URL and some not; TLS is for all nodes or none',
    );
  }
  if (typeof options.tls === 'object') return options.tls;
  return options.tls || secure > 0 ? {} : undefined;
}
