import type { ConnectionOptions } from 'tls';
import { unixMs } from '../common/timers.js';
import { checkedRemap } from './checked-remap.js';
import { parseAllowBlocked } from '../command-table/blocked-commands.js';
import { recordDatabase } from '../diagnostics/client-databases.js';
import { checkOptionNames } from '../common/check-option-names.js';
import { describeKind } from '../common/describe-value.js';
import { InvalidArgumentError } from '../common/errors.js';
import { identityQuestion } from '../topology/node-identity.js';
import { resolveCacheOptions } from './cache-options.js';
import type { Credentials, CredentialsSource } from './credentials.js';
import { ConnectionState } from './connection-state.js';
import { checkIsObject, CHECKS, milliseconds } from './option-checks.js';
import { NAMES_ELSEWHERE } from './names-elsewhere.js';
import type { ClusterEngineOptions, ResolvedClusterOptions } from './options.js';
import { seedsOf, type Seed } from './seeds.js';
import { inProcessNode } from '../topology/in-process-nodes.js';

/** How many clients this process has made. */
let clients = 0;

/**
 * Checks options and fills in defaults. Without `nodes`, the nodes come from the environment variable
 * `REDIS_CLUSTER_NODES` (comma-separated), else 127.0.0.1:7000.
 * @param knownElsewhere the names of further options, which the caller has handled
 * @throws InvalidArgumentError naming the option, but not its value if that may be a secret
 */
export function resolveOptions(
  options: ClusterEngineOptions = {},
  knownElsewhere: readonly string[] = [],
): ResolvedClusterOptions {
  checkIsObject(options);
  checkOptionNames('a client', options, [...Object.keys(CHECKS), ...knownElsewhere], NAMES_ELSEWHERE);
  for (const [name, value] of Object.entries(options)) {
    if (value !== undefined) CHECKS[name as keyof ClusterEngineOptions](value, name);
  }
  if (options.replyMapping === 'resp3' && options.protocol !== 3) {
    throw new InvalidArgumentError('replyMapping', "Option replyMapping: 'resp3' also needs protocol: 3");
  }
  if (options.logging !== undefined && options.logging.length > 0 && options.logger === undefined) {
    throw new InvalidArgumentError(
      'logging',
      'Option logging needs a logger beside it: a function that receives the entries. ClusterModule uses the Logger of Nest',
    );
  }
  const seeds = seedsOf(options.nodes);
  const clientId = ++clients;
  recordDatabase(clientId, options.database ?? 0);
  return {
    nodes: seeds.map((seed) => seed.address),
    credentials: credentialsOf(options, seeds),
    identify: identityQuestion(),
    tls: tlsOf(options, seeds),
    clientName: options.clientName,
    onConnect: options.onConnect,
    connectionState: new ConnectionState(),
    protocol: options.protocol ?? (options.cache === undefined ? 2 : 3),
    replyMapping: options.replyMapping ?? 'legacy',
    stringNumbers: options.stringNumbers ?? false,
    database: options.database ?? 0,
    keyPrefix: options.keyPrefix ?? '',
    lazyConnect: options.lazyConnect ?? false,
    requireFullCoverage: options.requireFullCoverage ?? true,
    dynamicStartupNodes: options.dynamicStartupNodes ?? true,
    addressRemap: options.addressRemap && checkedRemap(options.addressRemap),
    readFrom: options.readFrom ?? 'primary',
    retry: options.retry ?? 'safe',
    deadlineMs: options.deadlineMs ?? 10000,
    connectTimeoutMs: options.connectTimeoutMs ?? 2000,
    startupTimeoutMs: options.startupTimeoutMs ?? 10000,
    replyTimeoutMs: options.replyTimeoutMs ?? 1000,
    keepAliveMs: options.keepAliveMs ?? 10000,
    refreshIntervalMs: options.refreshIntervalMs ?? 30000,
    maxPendingPerNode: {
      commands: options.maxPendingPerNode?.commands ?? 50000,
      bytes: options.maxPendingPerNode?.bytes ?? 64 * 1024 * 1024,
    },
    maxLeasedPerNode: options.maxLeasedPerNode ?? 50,
    maxLeased: options.maxLeased ?? 500,
    leaseTimeoutMs: options.leaseTimeoutMs ?? 2000,
    allowBlocked: parseAllowBlocked(options.allowBlocked ?? []),
    heartbeatMs: options.heartbeatMs ?? 1000,
    statsIntervalMs: options.statsIntervalMs ?? 1000,
    cache: resolveCacheOptions(options),
    telemetryKeys: options.telemetry?.keys ?? false,
    errorKeys: options.errors?.keys ?? false,
    logging: new Set(options.logging ?? (options.logger === undefined ? [] : ['error', 'topology'])),
    slowMs: options.slowMs ?? 50,
    logger: options.logger,
    now: inProcessNode(seeds[0]?.address.host)?.now ?? unixMs,
    clientId,
  };
}
/** Returns the credentials. All nodes use the same ones, so the URLs and the options must agree. */
function credentialsOf(options: ClusterEngineOptions, seeds: readonly Seed[]): CredentialsSource {
  const fromOptions =
    options.password === undefined ? undefined : { username: options.username, password: options.password };
  if (options.username !== undefined && options.password === undefined) {
    throw new InvalidArgumentError('username', 'Option username also needs a password');
  }
  const given = [fromOptions, ...seeds.map((seed) => seed.credentials)].filter((one) => one !== undefined);
  const [first] = given;
  if (given.some((one) => one.username !== first.username || one.password !== first.password)) {
    throw new InvalidArgumentError(
      'nodes',
      'The nodes and options contain different credentials, but all nodes use the same',
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
  const source = async (): Promise<Credentials> => {
    const answer: unknown = await provider();
    const { username, password, refreshAfterMs } = (answer ?? {}) as Record<keyof Credentials, unknown>;
    if (typeof password !== 'string' || (username !== undefined && typeof username !== 'string')) {
      throw new InvalidArgumentError(
        'credentialsProvider',
        'Option credentialsProvider must return { password } or { username, password }, both strings, got ' +
          `${answer === null || typeof answer !== 'object' ? describeKind(answer) : 'another object'}`,
      );
    }
    if (refreshAfterMs !== undefined) milliseconds(refreshAfterMs, 'credentialsProvider (refreshAfterMs)');
    return { username, password, refreshAfterMs: refreshAfterMs as number | undefined };
  };
  return Object.assign(source, { onChange: provider.onChange });
}
function tlsOf(options: ClusterEngineOptions, seeds: readonly Seed[]): ConnectionOptions | undefined {
  const secure = seeds.filter((seed) => seed.tls).length;
  if (options.tls === false && secure > 0) {
    throw new InvalidArgumentError('tls', 'Option tls is false, but a node has a rediss:// URL');
  }
  if (secure > 0 && secure < seeds.length && !options.tls) {
    throw new InvalidArgumentError(
      'nodes',
      'Some nodes have a rediss:// URL and some do not. Use TLS for all nodes or none.',
    );
  }
  if (typeof options.tls === 'object') return options.tls;
  return options.tls || secure > 0 ? {} : undefined;
}
