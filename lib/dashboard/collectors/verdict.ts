import { SLOT_COUNT } from '../../cluster/topology/key-slot.js';
import type { NodeReport, NodeState, TopologyReport, Verdict } from '../state/dashboard-state.js';

/** States in which a node serves nothing, in words. */
const DOWN: Partial<Readonly<Record<NodeState, string>>> = {
  silent: 'does not answer',
  unreachable: 'cannot be reached',
  busy: 'is busy with a script',
  loading: 'is loading its data',
};

/** Says whether the cluster serves all slots, and what is wrong. */
export function judge(
  status: string,
  topology: TopologyReport,
  nodes: readonly NodeReport[],
): { verdict: Verdict; problems: string[] } {
  if (status !== 'ready') {
    const seeds = nodes.flatMap(({ name, state }) => (DOWN[state] ? [`${name} ${DOWN[state]}`] : []));
    return { verdict: 'down', problems: ['The application is not connected to the cluster', ...seeds] };
  }
  const outages: string[] = [];
  const weaknesses: string[] = [];
  const missing = SLOT_COUNT - topology.coveredSlots;
  if (missing > 0) outages.push(`${missing} ${missing === 1 ? 'slot has' : 'slots have'} no primary`);
  for (const { name, topologyRole, role, state, linkUp } of nodes) {
    const reason = DOWN[state];
    if (topologyRole === 'primary') {
      if (reason !== undefined) outages.push(`${name} ${reason}`);
      else if (role === 'replica') outages.push(`${name} is no longer a primary`);
    } else if (topologyRole === 'replica') {
      if (reason !== undefined) weaknesses.push(`Replica ${name} ${reason}`);
      else if (linkUp === false) weaknesses.push(`Replica ${name} has lost its primary`);
    }
  }
  const verdict = outages.length > 0 ? 'down' : weaknesses.length > 0 ? 'degraded' : 'up';
  return { verdict, problems: [...outages, ...weaknesses] };
}
