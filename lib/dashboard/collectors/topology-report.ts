import { SLOT_COUNT } from '../../cluster/topology/key-slot.js';
import type { ClusterTopology } from '../../cluster/topology/topology.js';
import type { LogLine, TopologyReport } from '../state/dashboard-state.js';

/** Describes a topology, its shards in the order of their first slots, so that each keeps its color. */
export function reportTopology({ version, coveredSlots, shards }: ClusterTopology): TopologyReport {
  return {
    version,
    coveredSlots,
    shards: shards
      .map(({ primary, replicas, slots }) => ({
        primary: primary.name,
        replicas: replicas.map(({ name }) => name).toSorted(),
        slots,
      }))
      .toSorted((a, b) => firstSlot(a.slots) - firstSlot(b.slots)),
  };
}

/** Describes what differs between two topologies. */
export function describeChange(
  before: ClusterTopology,
  now: ClusterTopology,
): Pick<LogLine, 'level' | 'text'>[] {
  if (before === now || now.version === 0) return [];
  if (before.version === 0) {
    const { primaries, replicas, coveredSlots } = now;
    const found = `${primaries.length} primaries, ${replicas.length} replicas, ${coveredSlots} slots`;
    return [{ level: 'info', text: `Cluster found: ${found}` }];
  }
  const lost = Math.max(0, before.coveredSlots - now.coveredSlots);
  const found = Math.max(0, now.coveredSlots - before.coveredSlots);
  return [
    ...describeMoves(before, now),
    ...(lost > 0 ? [{ level: 'error' as const, text: `${slots(lost)} without a primary` }] : []),
    ...(found > 0 ? [{ level: 'info' as const, text: `${slots(found)} with a primary again` }] : []),
  ];
}

/** Slots that changed hands, by pair of nodes. A whole shard whose replica took over is a failover. */
function describeMoves(before: ClusterTopology, now: ClusterTopology): Pick<LogLine, 'level' | 'text'>[] {
  const moves = new Map<string, { from: string; to: string; count: number }>();
  for (let slot = 0; slot < SLOT_COUNT; slot++) {
    const from = before.nodeForSlot(slot)?.name;
    const to = now.nodeForSlot(slot)?.name;
    if (from === undefined || to === undefined || from === to) continue;
    const key = `${from} ${to}`;
    const move = moves.get(key) ?? { from, to, count: 0 };
    moves.set(key, { ...move, count: move.count + 1 });
  }
  return [...moves.values()].map(({ from, to, count }) => {
    const tookOver = before.node(to)?.role === 'replica';
    return tookOver
      ? { level: 'warn', text: `${to} has taken over ${slots(count)} of ${from}` }
      : { level: 'info', text: `${slots(count)} moved from ${from} to ${to}` };
  });
}

const slots = (count: number): string => `${count} ${count === 1 ? 'slot' : 'slots'}`;

const firstSlot = ([first]: TopologyReport['shards'][number]['slots']): number => first?.[0] ?? SLOT_COUNT;
