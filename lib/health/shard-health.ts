import type { ClusterClient } from '../client/cluster-client.js';
import { ReplyError } from '../cluster/common/errors.js';
import type { ClusterShard } from '../cluster/topology/topology.js';
import { replicasInSync, saysClusterDown, saysReplica, slotsAssigned } from './node-report.js';

/** What one shard has to say. */
export interface ShardHealth {
  readonly answers: boolean;
  readonly inSync: number;
  readonly problem?: string;
  /** In how many slots its primary knows a primary; undefined where it does not say. */
  readonly assigned?: number | undefined;
  /** Its primary is one no longer, so the view by which it was checked is outdated. */
  readonly demoted?: boolean;
}

/** How a shard is checked. */
export interface ShardCheckOptions {
  readonly timeoutMs: number;
  readonly minReplicas: number;
}

/** Asks the primary of a shard, in one write. PING is refused by nodes that answer the others, while they load or are busy. */
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
      ...notAnswering(`${primary.name} says that the cluster is down`),
      assigned: slotsAssigned(state),
    };
  if (replication !== undefined && saysReplica(replication))
    return { ...notAnswering(`${primary.name} is not a primary any more`), demoted: true };
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

/** A user who may not ask, or a server that has no such command, has answered all the same. */
function isForbidden(error: unknown): boolean {
  if (!(error instanceof ReplyError)) return false;
  return error.code === 'NOPERM' || /^ERR unknown (sub)?command/i.test(error.message);
}

function describeFailure(error: unknown): string {
  return error instanceof ReplyError
    ? `refuses commands: ${error.code}`
    : `does not answer: ${(error as Error).message}`;
}

function notAnswering(problem: string): ShardHealth {
  return { answers: false, inSync: 0, problem };
}
