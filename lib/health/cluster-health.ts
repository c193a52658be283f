import { monotonicMs } from '../cluster/common/timers.js';
import { checkClient } from '../client/check-client.js';
import type { ClusterClient } from '../client/cluster-client.js';
import { InvalidArgumentError } from '../cluster/common/errors.js';
import { within } from '../cluster/common/within.js';
import { checkOptionNames } from '../cluster/common/check-option-names.js';
import { SLOT_COUNT } from '../cluster/topology/key-slot.js';
import type { ClusterTopology } from '../cluster/topology/topology.js';
import { describeOther, describeValue } from '../cluster/common/describe-value.js';
import { checkShard, type ShardHealth } from './shard-health.js';

/**
 * The status of a cluster. `degraded`: every key can be read and written, but with less redundancy than
 * required.
 */
export type ClusterHealthStatus = 'up' | 'degraded' | 'down';

/** Options of `checkClusterHealth`. */
export interface ClusterHealthOptions {
  /** How long the cluster may take to answer, in ms. Default 1000. */
  timeoutMs?: number | undefined;
  /**
   * The least number of replicas per primary that must be in sync. All known replicas must be in sync anyway.
   * Default 0.
   */
  minReplicas?: number | undefined;
  /** The status while some shards answer and others do not. Default `down`. */
  partialOutage?: 'down' | 'degraded' | undefined;
}

/** The health of a cluster. */
export interface ClusterHealth {
  /** The overall status. */
  readonly status: ClusterHealthStatus;
  /** The number of slots that have a primary, of 16,384. */
  readonly slotsCovered: number;
  /** The number of primaries, and how many of them answered in time. */
  readonly primaries: { readonly total: number; readonly answering: number };
  /** The number of replicas, and how many of them are in sync with their primary. */
  readonly replicas: { readonly total: number; readonly inSync: number };
  /** Descriptions of the problems found, with the names of nodes. */
  readonly problems: readonly string[];
}

/** Every option has a value. */
type Settings = { readonly [K in keyof ClusterHealthOptions]-?: NonNullable<ClusterHealthOptions[K]> };

const DEFAULTS: Settings = { timeoutMs: 1_000, minReplicas: 0, partialOutage: 'down' };

/** The names of the options. */
export const HEALTH_OPTIONS: readonly string[] = Object.keys(DEFAULTS);

/**
 * Checks every primary of a cluster, over the connections of the client. It resolves within `timeoutMs`, and
 * never rejects because of the state of the cluster.
 * @throws InvalidArgumentError for invalid options, and for what is not a client
 */
export async function checkClusterHealth(
  cluster: ClusterClient,
  options: ClusterHealthOptions = {},
): Promise<ClusterHealth> {
  checkClient(cluster, 'cluster', 'A health check');
  const settings = resolveOptions(options);
  const end = monotonicMs() + settings.timeoutMs;
  const left = (): number => Math.max(1, Math.round(end - monotonicMs()));
  const problem = await connectionProblem(cluster, left());
  if (problem !== undefined) return summarize(cluster.topology, [], [problem], settings);
  const results = new Map<string, ShardHealth>();
  const checkShards = async (topology: ClusterTopology): Promise<ShardHealth[]> => {
    const check = { timeoutMs: left(), minReplicas: settings.minReplicas };
    const unchecked = topology.shards.filter(({ primary }) => !results.has(primary.name));
    const found = await Promise.all(unchecked.map((shard) => checkShard(cluster, shard, check)));
    unchecked.forEach(({ primary }, i) => results.set(primary.name, found[i]));
    return topology.shards.map(({ primary }) => results.get(primary.name) as ShardHealth);
  };
  let { topology } = cluster;
  let shards = await checkShards(topology);
  if (isOutdated(topology, shards)) {
    await refreshTopology(cluster, left());
    ({ topology } = cluster);
    shards = await checkShards(topology);
  }
  return summarize(topology, shards, problemsOf(topology, shards), settings);
}

/** Returns whether the nodes report a newer topology than the one they were checked by. */
function isOutdated({ coveredSlots }: ClusterTopology, shards: readonly ShardHealth[]): boolean {
  return shards.some(({ demoted, assigned = coveredSlots }) => demoted || assigned !== coveredSlots);
}

/** Reads the topology, if time permits. A failure is ignored, as the nodes' answers show its cause. */
function refreshTopology(cluster: ClusterClient, timeoutMs: number): Promise<unknown> {
  return within(
    timeoutMs,
    cluster.refreshTopology().catch(() => undefined),
    () => undefined,
  );
}

function problemsOf(topology: ClusterTopology, shards: readonly ShardHealth[]): string[] {
  const missing = SLOT_COUNT - slotsCovered(topology, shards);
  const uncovered = missing > 0 ? [`${missing} ${missing === 1 ? 'slot has' : 'slots have'} no primary`] : [];
  return [...uncovered, ...shards.flatMap(({ problem }) => problem ?? [])];
}

/** Returns the least number of covered slots that the client or any primary knows. */
function slotsCovered({ coveredSlots }: ClusterTopology, shards: readonly ShardHealth[]): number {
  return Math.min(coveredSlots, ...shards.map(({ assigned = coveredSlots }) => assigned));
}

/** Returns why the client cannot be used, or undefined if it can. Connects the client if needed. */
async function connectionProblem(cluster: ClusterClient, timeoutMs: number): Promise<string | undefined> {
  if (cluster.status === 'ready') return undefined;
  const connected = cluster.connect().then(
    () => undefined,
    (error: Error) => `The client cannot connect: ${error.message}`,
  );
  return within(timeoutMs, connected, () => `The client is not connected (${cluster.status})`);
}

function summarize(
  topology: ClusterTopology,
  shards: readonly ShardHealth[],
  problems: readonly string[],
  { partialOutage }: Settings,
): ClusterHealth {
  const answering = shards.filter(({ answers }) => answers).length;
  const covered = slotsCovered(topology, shards);
  const isWhole = answering === topology.primaries.length && covered === SLOT_COUNT;
  const outage = answering === 0 ? 'down' : partialOutage;
  const served = problems.length === 0 ? 'up' : 'degraded';
  return {
    status: isWhole ? served : outage,
    slotsCovered: covered,
    primaries: { total: topology.primaries.length, answering },
    replicas: {
      total: topology.replicas.length,
      inSync: shards.reduce((sum, { inSync }) => sum + inSync, 0),
    },
    problems,
  };
}

function resolveOptions(options: ClusterHealthOptions): Settings {
  checkOptionNames('a health check', options, HEALTH_OPTIONS);
  const {
    timeoutMs = DEFAULTS.timeoutMs,
    minReplicas = DEFAULTS.minReplicas,
    partialOutage = DEFAULTS.partialOutage,
  } = options;
  if (!Number.isInteger(timeoutMs) || timeoutMs < 1) {
    throw new InvalidArgumentError(
      'timeoutMs',
      `"timeoutMs" must be a positive integer (milliseconds), got ${describeValue(timeoutMs)}`,
    );
  }
  if (!Number.isInteger(minReplicas) || minReplicas < 0) {
    throw new InvalidArgumentError(
      'minReplicas',
      `"minReplicas" must be a non-negative integer, got ${describeValue(minReplicas)}`,
    );
  }
  if (partialOutage !== 'down' && partialOutage !== 'degraded') {
    throw new InvalidArgumentError(
      'partialOutage',
      `"partialOutage" must be 'down' or 'degraded', got ${describeOther(partialOutage)}`,
    );
  }
  return { timeoutMs, minReplicas, partialOutage };
}
