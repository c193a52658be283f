import type { ClusterClient } from '../client/cluster-client.js';
import { InvalidArgumentError } from '../cluster/common/errors.js';
import { checkOptionNames } from '../cluster/common/check-option-names.js';
import { SLOT_COUNT } from '../cluster/topology/key-slot.js';
import type { ClusterTopology } from '../cluster/topology/topology.js';
import { otherOfKind, whatCame } from '../cluster/common/describe-value.js';
import { checkShard, type ShardHealth } from './shard-health.js';

/** `degraded`: every key can be read and written, but not as safely as it should be. */
export type ClusterHealthStatus = 'up' | 'degraded' | 'down';

/** How a cluster is judged. */
export interface ClusterHealthOptions {
  /** How long the cluster may take to answer, in ms. Default 1000. */
  timeoutMs?: number | undefined;
  /** How many replicas of each primary have to be in sync; those that the topology names always have to. Default 0. */
  minReplicas?: number | undefined;
  /** What an outage of some shards is while others answer. Default `down`. */
  partialOutage?: 'down' | 'degraded' | undefined;
}

/** How a cluster does. */
export interface ClusterHealth {
  readonly status: ClusterHealthStatus;
  /** Slots that have a primary, of 16,384. */
  readonly slotsCovered: number;
  readonly primaries: { readonly total: number; readonly answering: number };
  readonly replicas: { readonly total: number; readonly inSync: number };
  /** What is wrong, in words; nodes are named. */
  readonly problems: readonly string[];
}

/** Every option has a value. */
type Settings = { readonly [K in keyof ClusterHealthOptions]-?: NonNullable<ClusterHealthOptions[K]> };

const DEFAULTS: Settings = { timeoutMs: 1_000, minReplicas: 0, partialOutage: 'down' };

/**
 * Asks every primary of a client's cluster how it does, over the connections that the client has.
 * Never rejects for the state of the cluster, and is over within `timeoutMs`.
 * @throws InvalidArgumentError for options that cannot be right
 */
export async function checkClusterHealth(
  cluster: ClusterClient,
  options: ClusterHealthOptions = {},
): Promise<ClusterHealth> {
  const settings = resolveOptions(options);
  const end = performance.now() + settings.timeoutMs;
  const left = (): number => Math.max(1, Math.round(end - performance.now()));
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

/** Whether the nodes know better than the view by which they were checked. */
function isOutdated({ coveredSlots }: ClusterTopology, shards: readonly ShardHealth[]): boolean {
  return shards.some(({ demoted, assigned = coveredSlots }) => demoted || assigned !== coveredSlots);
}

/** Reads the topology, as far as there is time for it. What keeps it from being read shows in the answers of nodes. */
function refreshTopology(cluster: ClusterClient, timeoutMs: number): Promise<unknown> {
  return before(
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

/** As few as the view of the client, or any primary, knows of. */
function slotsCovered({ coveredSlots }: ClusterTopology, shards: readonly ShardHealth[]): number {
  return Math.min(coveredSlots, ...shards.map(({ assigned = coveredSlots }) => assigned));
}

/** Why the client cannot be asked; undefined where it can. A client that has yet to connect does so. */
async function connectionProblem(cluster: ClusterClient, timeoutMs: number): Promise<string | undefined> {
  if (cluster.status === 'ready') return undefined;
  const connected = cluster.connect().then(
    () => undefined,
    (error: Error) => `The client cannot connect: ${error.message}`,
  );
  return before(timeoutMs, connected, () => `The client is not connected (${cluster.status})`);
}

/** What a promise gives, or what `late` does where that takes longer than so many ms. */
async function before<T>(ms: number, promise: Promise<T>, late: () => T): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((over) => (timer = setTimeout(over, ms)));
  return Promise.race([promise, limit.then(late)]).finally(() => clearTimeout(timer));
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
  checkOptionNames('a health check', options, Object.keys(DEFAULTS));
  const {
    timeoutMs = DEFAULTS.timeoutMs,
    minReplicas = DEFAULTS.minReplicas,
    partialOutage = DEFAULTS.partialOutage,
  } = options;
  if (!Number.isInteger(timeoutMs) || timeoutMs < 1) {
    throw new InvalidArgumentError(
      'timeoutMs',
      `timeoutMs must be a whole number of milliseconds, 1 or more; got ${whatCame(timeoutMs)}`,
    );
  }
  if (!Number.isInteger(minReplicas) || minReplicas < 0) {
    throw new InvalidArgumentError(
      'minReplicas',
      `minReplicas must be a whole number, 0 or more; got ${whatCame(minReplicas)}`,
    );
  }
  if (partialOutage !== 'down' && partialOutage !== 'degraded') {
    throw new InvalidArgumentError(
      'partialOutage',
      `partialOutage must be 'down' or 'degraded'; got ${otherOfKind(partialOutage)}`,
    );
  }
  return { timeoutMs, minReplicas, partialOutage };
}
