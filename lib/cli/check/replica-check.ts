import type { SeenNode } from '../../cluster/topology/node-lines.js';
import { counted } from '../common/counted.js';
import type { ClusterFacts } from './collect-facts.js';
import { notPermitted, type Check, type Finding } from './finding.js';
import type { NodeFacts } from './node-facts.js';
import { isDown, nameOf, prevailingView, primariesIn } from './views.js';

/** A replica that has not received more than this, in bytes, is behind. */
const BEHIND_BYTES = 10 * 1024 * 1024;

/** Whether each shard has replicas that could take over. */
export const REPLICA_CHECK: Check = { id: 'replicas', run: checkReplicas };

function checkReplicas(facts: ClusterFacts): Finding {
  const view = prevailingView(facts);
  if (facts.nodes.every(({ info }) => info.size === 0)) return notPermitted('INFO', '+info');
  const replicas = view.seen.filter(({ role, flags }) => role === 'replica' && !flags.has('handshake'));
  const faults = replicas.flatMap((replica) => faultOf(facts, replica));
  const alone = primariesIn(view).filter(
    ({ id }) => !replicas.some((replica) => replica.primaryId === id && !isDown(replica)),
  );
  if (faults.length + alone.length === 0)
    return { status: 'ok', summary: `${counted(replicas.length, 'replica')}, all in sync` };
  return {
    status: faults.length > 0 ? 'problem' : 'warning',
    summary:
      faults.length > 0
        ? `${counted(faults.length, 'replica')} of ${replicas.length} not in sync`
        : `${counted(alone.length, 'primary', 'primaries')} without a replica`,
    details: [
      ...faults,
      ...alone.map((node) => `${nameOf(facts, node)} has no replica: if it dies, its slots do too`),
    ],
    advice:
      faults.length > 0
        ? 'See the logs of these servers'
        : 'Add replicas: redis-cli --cluster add-node --cluster-slave',
  };
}

function faultOf(facts: ClusterFacts, replica: SeenNode): string[] {
  const name = nameOf(facts, replica);
  const primary = facts.nodes.find(({ id }) => id === replica.primaryId);
  const node = facts.nodes.find(({ id }) => id === replica.id);
  if (isDown(replica)) return [`${name} is down`];
  if (node === undefined || node.info.size === 0) return [];
  const { info } = node;
  const of = primary?.name ?? replica.primaryId ?? 'its primary';
  if (info.get('role') === 'master') return [`${name} does not see itself as the replica of ${of} yet`];
  if (info.get('master_sync_in_progress') === '1') return [`${name} copies the data of ${of}`];
  if (info.get('master_link_status') !== 'up') {
    const seconds = Number(info.get('master_link_down_since_seconds') ?? -1);
    return [`${name} does not follow ${of}${seconds >= 0 ? `, for ${counted(seconds, 'second')}` : ''}`];
  }
  const behind = bytesBehind(node, primary);
  return behind > BEHIND_BYTES ? [`${name} is ${Math.round(behind / 1024 / 1024)} MiB behind ${of}`] : [];
}

function bytesBehind({ info }: NodeFacts, primary: NodeFacts | undefined): number {
  const sent = Number(primary?.info.get('master_repl_offset') ?? 0);
  return sent - Number(info.get('slave_repl_offset') ?? sent);
}
