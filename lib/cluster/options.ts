import type { ConnectionOptions } from 'node:tls';
import { parseAllowBlocked } from './blocked-commands.js';
import type { ConnectionHook } from './connection-hook.js';
import { InvalidArgumentError } from './errors.js';
import type { ReadFrom } from './read-from.js';
import type { AddressRemap } from './slots-reply.js';
import type { NodeAddress } from './topology.js';

/** A user name and password, as the server's ACL knows them. */
export interface Credentials {
  username?: string;
  password: string;
  /** From a provider: when it is to be asked again, and open connections authenticated anew, in ms. Default: never. */
  refreshAfterMs?: number;
}

/**
 * Which commands are sent again after a connection died with their reply owing:
 * those that cannot do harm (`safe`), none, or all of them.
 */
export type RetryMode = 'safe' | 'never' | 'always';

/** What waits for one node at most. */
export interface PendingBounds {
  /** Commands, queued and in flight. */
  commands: number;
  /** Bytes of their arguments. */
  bytes: number;
}

/** What a cluster client connects and routes by. Anything else is refused by name. */
export interface ClusterEngineOptions {
  /** Nodes to start from: `host:port`, a `redis://` or `rediss://` URL, or host and port. One is enough, several are better. */
  nodes?: readonly (string | NodeAddress)[];
  /** ACL user; also from a URL. */
  username?: string;
  /** Password; also from a URL. */
  password?: string;
  /**
   * Asked for credentials whenever a connection is made, and when those it gave are due (`refreshAfterMs`); instead of
   * `username` and `password`.
   */
  credentialsProvider?: () => Credentials | Promise<Credentials>;
  /** TLS options of `node:tls`, or `true` for its defaults; a `rediss:` URL implies `true`. */
  tls?: ConnectionOptions | boolean;
  /** Told to the server as CLIENT SETNAME. */
  clientName?: string;
  /**
   * Called with each connection before it is used, those that are leased and those of subscribers among them. Where it
   * fails the connection is not taken, and another attempt follows.
   */
  onConnect?: ConnectionHook;
  /** RESP version on the wire of commands; replies have the shapes of RESP2 in both. Subscribers speak RESP3 where they can. Default 2. */
  protocol?: 2 | 3;
  /** Put before every key. No braces. */
  keyPrefix?: string;
  /** Connect with the first command rather than when the application starts. Default false. */
  lazyConnect?: boolean;
  /** Refuse to start while a slot has no owner. Default true. */
  requireFullCoverage?: boolean;
  /** Learn nodes from the cluster, to start from them later. Default true. */
  dynamicStartupNodes?: boolean;
  /** Turns addresses that the cluster announces into ones that can be reached from here. */
  addressRemap?: AddressRemap;
  /** Where reads go. Default `primary`. */
  readFrom?: ReadFrom;
  /** What is sent again after a lost connection. Default `safe`. */
  retry?: RetryMode;
  /** How long a call may take, retries included, in ms. Default 10000. */
  deadlineMs?: number;
  /** How long one connection may take to be made, in ms. Default 2000. */
  connectTimeoutMs?: number;
  /** How long `connect()` tries, in ms. Default 10000. */
  startupTimeoutMs?: number;
  /** Silence of a node that owes a reply, in ms, after which the others are asked about it. Default 1000. */
  replyTimeoutMs?: number;
  /** TCP keepalive delay in ms. Default 10000. */
  keepAliveMs?: number;
  /** How often the topology is read again when nothing happens, in ms. Default 30000. */
  refreshIntervalMs?: number;
  /** Bounds of what waits for one node. Default 50000 commands, 64 MiB. */
  maxPendingPerNode?: Partial<PendingBounds>;
  /** Leased connections (blocking commands, WATCH) to one node. Default 50. */
  maxLeasedPerNode?: number;
  /** Leased connections in all. Default 500. */
  maxLeased?: number;
  /** How long a call waits for a leased connection, in ms. Default 2000. */
  leaseTimeoutMs?: number;
  /** Blocked commands to let through. */
  allowBlocked?: readonly string[];
  /** How often idle subscriber connections are asked for a sign of life, in ms. Default 1000. */
  heartbeatMs?: number;
}

/** Options with every default filled in. */
export interface ResolvedClusterOptions {
  readonly nodes: readonly NodeAddress[];
  readonly credentials: () => Promise<Credentials | undefined>;
  readonly tls: ConnectionOptions | undefined;
  readonly clientName: string | undefined;
  readonly onConnect: ConnectionHook | undefined;
  readonly protocol: 2 | 3;
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

const refuse = (name: string, expected: string, value: unknown): never => {
  const came = value === null ? 'null' : Array.isArray(value) ? 'an array' : typeof value;
  throw new InvalidArgumentError(name, `Option ${name} must be ${expected}; ${came} came`);
};
const text: Check = (value, name) => {
  if (typeof value !== 'string') refuse(name, 'a string', value);
};
const flag: Check = (value, name) => {
  if (typeof value !== 'boolean') refuse(name, 'true or false', value);
};
const callable: Check = (value, name) => {
  if (typeof value !== 'function') refuse(name, 'a function', value);
};
const oneOf =
  (...allowed: unknown[]): Check =>
  (value, name) => {
    if (!allowed.includes(value))
      throw new InvalidArgumentError(name, `Option ${name} must be one of ${allowed.join(', ')}`);
  };
// setTimeout holds its delay in 31 bits and fires at once beyond them
const MAX_TIMER_MS = 2 ** 31 - 1;
const milliseconds: Check = (value, name) => {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > MAX_TIMER_MS) {
    throw new InvalidArgumentError(
      name,
      `Option ${name} must be a whole number of milliseconds, from 1 to ${MAX_TIMER_MS}`,
    );
  }
};
const count: Check = (value, name) => {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1) {
    throw new InvalidArgumentError(name, `Option ${name} must be a whole number of at least 1`);
  }
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
    if (!Array.isArray(value) || value.length === 0) refuse(name, 'a list of at least one node', value);
  },
  username: text,
  password: text,
  credentialsProvider: callable,
  tls: (value, name) => {
    if (typeof value !== 'boolean' && (typeof value !== 'object' || value === null))
      refuse(name, 'TLS options or a boolean', value);
  },
  clientName: (value, name) => {
    if (typeof value !== 'string' || !/^[\x21-\x7e]+$/.test(value)) {
      throw new InvalidArgumentError(
        name,
        `Option ${name} must be printable ASCII without spaces, as CLIENT SETNAME wants it`,
      );
    }
  },
  onConnect: callable,
  protocol: oneOf(2, 3),
  keyPrefix: (value, name) => {
    if (typeof value !== 'string' || /[{}]/.test(value)) {
      throw new InvalidArgumentError(
        name,
        `Option ${name} must be a string without braces, which would change the slot of every key`,
      );
    }
  },
  lazyConnect: flag,
  requireFullCoverage: flag,
  dynamicStartupNodes: flag,
  addressRemap: callable,
  readFrom: (value, name) => {
    if (typeof value !== 'function') oneOf(...READ_FROM)(value, name);
  },
  retry: oneOf('safe', 'never', 'always'),
  deadlineMs: milliseconds,
  connectTimeoutMs: milliseconds,
  startupTimeoutMs: milliseconds,
  replyTimeoutMs: milliseconds,
  keepAliveMs: milliseconds,
  refreshIntervalMs: milliseconds,
  maxPendingPerNode: (value, name) => {
    if (typeof value !== 'object' || value === null) refuse(name, '{ commands, bytes }', value);
    for (const [key, bound] of Object.entries(value as object)) {
      oneOf('commands', 'bytes')(key, `${name} (its keys)`);
      if (bound !== undefined) count(bound, `${name}.${key}`);
    }
  },
  maxLeasedPerNode: count,
  maxLeased: count,
  leaseTimeoutMs: milliseconds,
  allowBlocked: (value, name) => {
    if (!Array.isArray(value) || value.some((command) => typeof command !== 'string'))
      refuse(name, 'a list of command names', value);
  },
  heartbeatMs: milliseconds,
};

/** Refuses what is no object of options, such as a URL or a list of nodes. @throws InvalidArgumentError */
export function checkIsObject(options: unknown): void {
  if (typeof options === 'object' && options !== null && !Array.isArray(options)) return;
  throw new InvalidArgumentError(
    'options',
    'The options are an object, such as { nodes: ["127.0.0.1:7000"] }',
  );
}

/** Checks the value of one option. @throws InvalidArgumentError */
export function checkOption(name: keyof ClusterEngineOptions, value: unknown): void {
  CHECKS[name](value, name);
}

const DEFAULT_NODE: NodeAddress = { host: '127.0.0.1', port: 7000 };

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
  const seeds = (options.nodes ?? nodesFromEnvironment() ?? [DEFAULT_NODE]).map(parseNode);
  return {
    nodes: seeds.map((seed) => seed.address),
    credentials: credentialsOf(options, seeds),
    tls: tlsOf(options, seeds),
    clientName: options.clientName,
    onConnect: options.onConnect,
    protocol: options.protocol ?? 2,
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

interface Seed {
  address: NodeAddress;
  credentials?: Credentials;
  tls?: boolean;
}

function nodesFromEnvironment(): string[] | undefined {
  const nodes = (process.env.REDIS_CLUSTER_NODES ?? '').split(',').map((node) => node.trim());
  const given = nodes.filter((node) => node !== '');
  return given.length > 0 ? given : undefined;
}

function parseNode(node: string | NodeAddress): Seed {
  if (typeof node === 'string')
    return node.includes('://') ? parseUrl(node) : { address: parseHostPort(node) };
  if (typeof node !== 'object' || node === null || typeof node.host !== 'string' || node.host === '') {
    throw refusedNode('is "host:port", a redis:// or rediss:// URL, or { host, port }');
  }
  // other properties are let pass, as nodes of a topology or of a LocalCluster have some; these would be missed
  const misplaced = ['username', 'password', 'tls'].find((name) => Object.hasOwn(node, name));
  if (misplaced !== undefined)
    throw refusedNode(`has no ${misplaced} of its own; it is an option, for all nodes`);
  return { address: { host: node.host, port: checkPort(node.port) } };
}

function parseHostPort(node: string): NodeAddress {
  const match = /^(?:\[([^\]]+)\]|([^:\s/@]+)):(\d+)$/.exec(node);
  if (match === null) {
    throw refusedNode('given as text is "host:port", "[ipv6]:port", or a redis:// or rediss:// URL');
  }
  return { host: match[1] ?? match[2], port: checkPort(Number(match[3])) };
}

function parseUrl(node: string): Seed {
  // the text is never repeated in an error: it may hold a password
  const refused = (why: string): never => {
    throw refusedNode(`given as URL ${why}`);
  };
  if (/^unix:/i.test(node)) refused('names a unix socket; cluster nodes are reached by host and port');
  let url: URL;
  try {
    url = new URL(node);
  } catch {
    return refused('cannot be read; expected redis://user:password@host:port');
  }
  if (url.protocol !== 'redis:' && url.protocol !== 'rediss:')
    refused('must begin with redis:// or rediss://');
  if (url.hostname === '') refused('has no host');
  if (url.pathname !== '' && url.pathname !== '/' && url.pathname !== '/0') {
    refused('names a database; in a cluster there is only database 0');
  }
  if (url.search !== '' || url.hash !== '') refused('has a query; give options in the options object');
  const password = decodePart(url.password, refused);
  const username = decodePart(url.username, refused);
  if (username !== '' && password === '') refused('has a user and no password');
  return {
    address: {
      host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
      port: url.port === '' ? 6379 : checkPort(Number(url.port)),
    },
    credentials: password === '' ? undefined : { username: username || undefined, password },
    tls: url.protocol === 'rediss:' || undefined,
  };
}

function decodePart(part: string, refused: (why: string) => never): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return refused('has a user or password that is not percent-encoded');
  }
}

function checkPort(port: unknown): number {
  if (typeof port !== 'number' || !Number.isInteger(port) || port < 1 || port > 65_535) {
    throw refusedNode('needs a port from 1 to 65535');
  }
  return port;
}

function refusedNode(why: string): InvalidArgumentError {
  return new InvalidArgumentError('nodes', `Option nodes: a node ${why}`);
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
        'Option credentialsProvider must give { password } or { username, password }, both strings',
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
