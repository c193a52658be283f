import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { describeKind, describeValue } from '../../cluster/common/describe-value.js';
import { checkOptionNames } from '../../cluster/common/check-option-names.js';

/** What a local cluster is made of. Anything else is refused by name. */
export interface LocalClusterOptions {
  /** Primaries, which share the slots evenly; 1 or more. Default 3. */
  primaries?: number | undefined;
  /** Replicas of each primary. Default 1. */
  replicasPerPrimary?: number | undefined;
  /**
   * The server's `cluster-node-timeout` in ms: a dead primary is replaced after roughly 1.7 times as long. Default
   * 2000.
   */
  nodeTimeoutMs?: number | undefined;
  /** Password of the default user. */
  password?: string | undefined;
  /**
   * ACL users with their rules as ACL SETUSER takes them: `{ app: 'on >secret ~* &* +@all' }`. `default` may be among
   * them.
   */
  users?: Readonly<Record<string, string>> | undefined;
  /**
   * Only TLS connections, with certificates made for this cluster; see {@link LocalCluster.tls}. Needs `openssl`.
   * Default false.
   */
  tls?: boolean | undefined;
  /** Whether all slots stop when one is not covered, as `cluster-require-full-coverage`. Default true. */
  requireFullCoverage?: boolean | undefined;
  /** More directives for the servers' configuration, as they stand there: `{ 'enable-debug-command': 'local' }`. */
  config?: Readonly<Record<string, string>> | undefined;
  /**
   * The port of the first node; the others take the next ones. Each node also takes the port 10000 above its own, for
   * the cluster bus. From 1 to 55535. Default: free ports.
   */
  port?: number | undefined;
  /**
   * A folder for the data, which is then kept: the next start with the same folder continues the cluster, with its
   * data, ports and node ids. The folder is created if it does not exist, and is otherwise empty or the folder of a
   * local cluster. Servers write an append-only file. Default: a temporary folder, deleted at the end.
   */
  dir?: string | undefined;
  /** The server program; instead of `KEYSLOT_REDIS_SERVER` and the PATH. */
  binary?: string | undefined;
  /** How long the start may take, in ms. Default 60000. */
  startTimeoutMs?: number | undefined;
  /** Gives up the start. */
  signal?: AbortSignal | undefined;
}

/** Options with every default filled in. */
export type ResolvedLocalClusterOptions = Required<
  Omit<LocalClusterOptions, 'password' | 'port' | 'dir' | 'binary' | 'signal'>
> &
  Pick<LocalClusterOptions, 'password' | 'port' | 'dir' | 'binary' | 'signal'>;

/** The user by which the cluster itself talks to its servers, and they to each other. */
export const OWN_USER = 'keyslot-testing';

const MOST_NODES = 100;

/** The cluster bus listens this far above a node's own port. */
export const BUS_PORT_OFFSET = 10_000;

const HIGHEST_PORT = 65_535 - BUS_PORT_OFFSET;

/** Directives that belong to the cluster, and what to use instead. */
const OWN_DIRECTIVES: Readonly<Record<string, string>> = {
  port: 'use the option port',
  'tls-port': 'use the option port',
  'cluster-port': 'it is 10000 above the port',
  bind: 'servers listen on 127.0.0.1 only',
  dir: 'use the option dir',
  pidfile: 'it is in the data folder',
  logfile: 'the log is in the data folder',
  daemonize: 'servers are child processes',
  supervised: 'servers are child processes',
  include: 'give the directives themselves',
  aclfile: 'use the option users',
  user: 'use the option users',
  requirepass: 'use the option password',
  masteruser: 'the cluster has a user of its own for this',
  masterauth: 'the cluster has a user of its own for this',
  'cluster-enabled': 'it is a cluster',
  'cluster-config-file': 'it is in the data folder',
  'cluster-node-timeout': 'use the option nodeTimeoutMs',
  'cluster-require-full-coverage': 'use the option requireFullCoverage',
};

type Check = (value: unknown, name: string) => void;

const wholeNumber =
  (least: number, most: number): Check =>
  (value, name) => {
    if (!Number.isInteger(value) || (value as number) < least || (value as number) > most) {
      throw new InvalidArgumentError(
        name,
        `Option ${name} must be a whole number from ${least} to ${most}, got ${describeValue(value)}`,
      );
    }
  };
const typed =
  (type: 'string' | 'boolean'): Check =>
  (value, name) => {
    if (typeof value !== type)
      throw new InvalidArgumentError(name, `Option ${name} must be a ${type}, got ${describeKind(value)}`);
  };
const lines: Check = (value, name) => {
  const entries = typeof value === 'object' && value !== null ? Object.entries(value) : [[name, undefined]];
  for (const [key, line] of entries as [string, unknown][]) {
    if (typeof line !== 'string' || !/^\S+$/.test(key) || /[\r\n\0]/.test(line)) {
      throw new InvalidArgumentError(name, `Option ${name} must hold strings of one line, by name`);
    }
  }
};

const CHECKS: Readonly<Record<keyof LocalClusterOptions, Check>> = {
  primaries: wholeNumber(1, MOST_NODES),
  replicasPerPrimary: wholeNumber(0, MOST_NODES),
  nodeTimeoutMs: wholeNumber(100, 600_000),
  password: (value, name) => {
    typed('string')(value, name);
    if (value === '') throw new InvalidArgumentError(name, `Option ${name} must not be empty; leave it out`);
  },
  users: (value, name) => {
    lines(value, name);
    if (Object.hasOwn(value as object, OWN_USER)) {
      throw new InvalidArgumentError(name, `The user ${OWN_USER} belongs to the cluster itself`);
    }
  },
  tls: typed('boolean'),
  requireFullCoverage: typed('boolean'),
  config: (value, name) => {
    lines(value, name);
    for (const directive of Object.keys(value as object)) {
      const instead = OWN_DIRECTIVES[directive.toLowerCase()];
      if (instead !== undefined) {
        throw new InvalidArgumentError(name, `Directive ${directive} cannot be given: ${instead}`);
      }
    }
  },
  port: wholeNumber(1, HIGHEST_PORT),
  dir: (value, name) => {
    typed('string')(value, name);
    if (value === '') throw new InvalidArgumentError(name, `Option ${name} must not be empty; leave it out`);
  },
  binary: typed('string'),
  startTimeoutMs: wholeNumber(1, 3_600_000),
  signal: (value, name) => {
    if (!(value instanceof AbortSignal)) {
      throw new InvalidArgumentError(
        name,
        `Option ${name} must be an AbortSignal, got ${describeKind(value)}`,
      );
    }
  },
};

/**
 * Checks options and fills in defaults.
 * @throws InvalidArgumentError naming the option, never its value
 */
export function resolveLocalClusterOptions(options: LocalClusterOptions): ResolvedLocalClusterOptions {
  checkOptionNames('LocalCluster', options, Object.keys(CHECKS));
  for (const [name, value] of Object.entries(options)) {
    if (value !== undefined) CHECKS[name as keyof LocalClusterOptions](value, name);
  }
  const { primaries = 3, replicasPerPrimary = 1, password, users = {}, port } = options;
  const nodes = primaries * (1 + replicasPerPrimary);
  if (nodes > MOST_NODES) {
    throw new InvalidArgumentError('replicasPerPrimary', `A local cluster has at most ${MOST_NODES} nodes`);
  }
  if (port !== undefined && port + nodes - 1 > HIGHEST_PORT) {
    throw new InvalidArgumentError(
      'port',
      `Option port must leave room for ${nodes} ports up to ${HIGHEST_PORT}, got ${port}`,
    );
  }
  if (password !== undefined && Object.hasOwn(users, 'default')) {
    throw new InvalidArgumentError('password', 'Options password and users.default exclude each other');
  }
  return {
    primaries,
    replicasPerPrimary,
    nodeTimeoutMs: options.nodeTimeoutMs ?? 2_000,
    password,
    users,
    tls: options.tls ?? false,
    requireFullCoverage: options.requireFullCoverage ?? true,
    config: options.config ?? {},
    port,
    dir: options.dir,
    binary: options.binary,
    startTimeoutMs: options.startTimeoutMs ?? 60_000,
    signal: options.signal,
  };
}
