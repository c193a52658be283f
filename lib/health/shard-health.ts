import type { ClusterClient } from '../client/cluster-client.js';
import { ReplyError } from '../cluster/common/errors.js';
import type { ClusterShard } from '../cluster/topology/topology.js';
import { replicasInSync, saysClusterDown, saysReplica, slotsAssigned } from './node-report.js';

/** The health of one shard. */
export interface ShardHealth {
  readonly answers: boolean;
  readonly inSync: number;
  readonly problem?: string;
  /** The number of slots for which its primary knows a primary; undefined if it does not report one. */
  readonly assigned?: number | undefined;
  /** Its node is no longer a primary, so the topology it was checked by is outdated. */
  readonly demoted?: boolean;
}

/** How a shard is checked. */
export interface ShardCheckOptions {
  readonly timeoutMs: number;
  readonly minReplicas: number;
}

/**
 * Checks the primary of a shard, in one write. A node that is loading or busy rejects PING but answers the
 * others.
 */
export async function checkShard(
  cluster: ClusterClient,
  { primary, replicas }: ClusterShard,
  { timeoutMs, minReplicas }: ShardCheckOptions,
): Promise<ShardHealth> {
  const node = cluster.with({ deadlineMs: timeoutMs }).target(primary);
  const answers = await Promise.allSettled([
    node.info('replication'),
    node.call('cluster', 'info'),
    node.call('ping'),
  ]);
  const refusal = answers.find((answer) => answer.status === 'rejected' && !isForbidden(answer.reason));
  if (refusal !== undefined)
    return notAnswering(`${primary.name} ${describeFailure((refusal as PromiseRejectedResult).reason)}`);
  const [replication, state] = answers.map((answer) =>
    answer.status === 'fulfilled' ? String(answer.value) : undefined,
  );
  if (state !== undefined && saysClusterDown(state))
    return {
      ...notAnswering(`${primary.name} reports that the cluster is down`),
      assigned: slotsAssigned(state),
    };
  if (replication !== undefined && saysReplica(replication))
    return { ...notAnswering(`${primary.name} is no longer a primary`), demoted: true };
  const assigned = state === undefined ? undefined : slotsAssigned(state);
  if (replication === undefined) return { answers: true, inSync: replicas.length, assigned };
  const inSync = replicasInSync(replication);
  const expected = Math.max(replicas.length, minReplicas);
  return inSync >= expected
    ? { answers: true, inSync, assigned }
    : {
        answers: true,
        inSync,
        assigned,
        problem: `${primary.name} has ${inSync} of ${expected} replicas in sync`,
      };
}

/** A forbidden or unknown command is an answer too. */
function isForbidden(error: unknown): boolean {
  if (!(error instanceof ReplyError)) return false;
  return error.code === 'NOPERM' || /^ERR unknown (sub)?command/i.test(error.message);
}

function describeFailure(error: unknown): string {
  return error instanceof ReplyError
    ? `rejects commands: ${error.code}`
    : `does not answer: ${(error as Error).message}`;
}

function notAnswering(problem: string): ShardHealth {
  return { answers: false, inSync: 0, problem };
}
