import type { ClusterClient } from '../client/cluster-client.js';
import { InvalidArgumentError, ReplyError } from '../cluster/errors.js';
import { checkOptionNames } from '../cluster/option-names.js';
import { SLOT_COUNT } from '../cluster/key-slot.js';
import type { ClusterShard, ClusterTopology } from '../cluster/topology.js';
import { replicasInSync, saysClusterDown } from './node-report.js';

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

/** What one shard has to say. */
interface ShardHealth {
  readonly answers: boolean;
  readonly inSync: number;
  readonly problem?: string;
}

const DEFAULTS: Required<ClusterHealthOptions> = { timeoutMs: 1_000, minReplicas: 0, partialOutage: 'down' };

/**
 * Asks every primary of a client's cluster how it does, over the connections that the client has.
 * Never rejects for the state of the cluster, and is over within `timeoutMs`.
 * @throws InvalidArgumentError for options that cannot be right
 */
export async function checkClusterHealth(
  cluster: ClusterClient,
  options: ClusterHealthOptions = {},
): Promise<ClusterHealth> {
  const settings = resolve(options);
  const { timeoutMs } = settings;
  const startedAt = performance.now();
  const problem = await connectionProblem(cluster, timeoutMs);
  const { topology } = cluster;
  if (problem !== undefined) return judge(topology, [], [problem], settings);
  const left = Math.max(1, Math.round(timeoutMs - (performance.now() - startedAt)));
  const shards = await Promise.all(
    topology.shards.map((shard) => askShard(cluster, shard, left, settings.minReplicas)),
  );
  const problems = shards.flatMap(({ problem: found }) => found ?? []);
  const missing = SLOT_COUNT - topology.coveredSlots;
  return judge(
    topology,
    shards,
    missing > 0 ? [`${missing} slots have no primary`, ...problems] : problems,
    settings,
  );
}

/** Why the client cannot be asked; undefined where it can. A client that has yet to connect does so. */
async function connectionProblem(cluster: ClusterClient, timeoutMs: number): Promise<string | undefined> {
  if (cluster.status === 'ready') return undefined;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((done) => {
    timer = setTimeout(() => done(`The client is not connected (${cluster.status})`), timeoutMs);
  });
  const connected = cluster.connect().then(
    () => undefined,
    (error: Error) => `The client cannot connect: ${error.message}`,
  );
  return Promise.race([connected, late]).finally(() => clearTimeout(timer));
}

async function askShard(
  cluster: ClusterClient,
  { primary, replicas }: ClusterShard,
  timeoutMs: number,
  minReplicas: number,
): Promise<ShardHealth> {
  const node = cluster.with({ deadlineMs: timeoutMs }).target(primary);
  const answered = await Promise.allSettled([node.info('replication'), node.call('cluster', 'info')]);
  const refusals = answered.map((answer) =>
    answer.status === 'rejected' ? (answer.reason as Error) : undefined,
  );
  // a user who may not ask these things has been answered all the same
  const silence = refusals.find((error) => error !== undefined && !(error instanceof ReplyError));
  if (silence !== undefined) {
    return { answers: false, inSync: 0, problem: `${primary.name} does not answer: ${silence.message}` };
  }
  const [replication, state] = answered.map((answer) =>
    answer.status === 'fulfilled' ? String(answer.value) : undefined,
  );
  if (state !== undefined && saysClusterDown(state)) {
    return { answers: false, inSync: 0, problem: `${primary.name} says that the cluster is down` };
  }
  if (replication === undefined) return { answers: true, inSync: replicas.length };
  const inSync = replicasInSync(replication);
  const expected = Math.max(replicas.length, minReplicas);
  return inSync >= expected
    ? { answers: true, inSync }
    : { answers: true, inSync, problem: `${primary.name} has ${inSync} of ${expected} replicas in sync` };
}

function judge(
  topology: ClusterTopology,
  shards: readonly ShardHealth[],
  problems: readonly string[],
  { partialOutage }: Required<ClusterHealthOptions>,
): ClusterHealth {
  const answering = shards.filter(({ answers }) => answers).length;
  const isWhole = answering === topology.primaries.length && topology.coveredSlots === SLOT_COUNT;
  const outage = answering === 0 ? 'down' : partialOutage;
  const served = problems.length === 0 ? 'up' : 'degraded';
  return {
    status: isWhole ? served : outage,
    slotsCovered: topology.coveredSlots,
    primaries: { total: topology.primaries.length, answering },
    replicas: {
      total: topology.replicas.length,
      inSync: shards.reduce((sum, { inSync }) => sum + inSync, 0),
    },
    problems,
  };
}

function resolve(options: ClusterHealthOptions): Required<ClusterHealthOptions> {
  checkOptionNames('a health check', options, Object.keys(DEFAULTS));
  const { timeoutMs, minReplicas, partialOutage } = { ...DEFAULTS, ...options };
  if (!Number.isInteger(timeoutMs) || timeoutMs < 1) {
    throw new InvalidArgumentError(
      'timeoutMs',
      'timeoutMs must be a whole number of milliseconds, 1 or more',
    );
  }
  if (!Number.isInteger(minReplicas) || minReplicas < 0) {
    throw new InvalidArgumentError('minReplicas', 'minReplicas must be a whole number, 0 or more');
  }
  if (partialOutage !== 'down' && partialOutage !== 'degraded') {
    throw new InvalidArgumentError('partialOutage', "partialOutage must be 'down' or 'degraded'");
  }
  return { timeoutMs, minReplicas, partialOutage };
}
