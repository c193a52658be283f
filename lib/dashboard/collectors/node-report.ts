import type { ClusterStats } from '../../cluster/stats/cluster-stats.js';
import type { NodeReport, TopologyReport } from '../state/dashboard-state.js';
import type { DatedAnswer } from './node-probes.js';

const UNKNOWN: DatedAnswer = { state: 'unknown', info: {}, topologyVersion: 0 };

/** What node reports are made of. */
export interface NodeSources {
  readonly topology: TopologyReport;
  readonly stats: ClusterStats;
  readonly answers: ReadonlyMap<string, DatedAnswer>;
  /** Commands of the client a second, by node. */
  ownRate(node: string): number;
}

/** Describes all nodes: shard by shard, primaries first. Nodes outside of the topology are last. */
export function reportNodes({ topology, stats, answers, ownRate }: NodeSources): NodeReport[] {
  const members = topology.shards.flatMap(({ primary, replicas }, shard) => [
    { name: primary, shard, primary, role: 'primary' as const },
    ...replicas.map((name) => ({ name, shard, primary, role: 'replica' as const })),
  ]);
  const known = new Set(members.map(({ name }) => name));
  const others = [...answers.keys()]
    .filter((name) => !known.has(name))
    .map((name) => ({ name, shard: -1, primary: name, role: undefined }));
  return [...members, ...others].map(({ name, shard, primary, role }) => {
    const { state, info, topologyVersion } = answers.get(name) ?? UNKNOWN;
    const measured = stats.nodes[name];
    const ahead = answers.get(primary)?.info.offset;
    return {
      ...info,
      // what it said before the topology changed may contradict it
      role: topologyVersion === topology.version ? info.role : undefined,
      name,
      topologyRole: role,
      shard,
      state,
      lagBytes:
        role === 'replica' && ahead !== undefined && info.offset !== undefined
          ? Math.max(0, ahead - info.offset)
          : undefined,
      offset: undefined,
      ownPerSecond: ownRate(name),
      p50: measured?.roundTripMs.p50 ?? 0,
      p99: measured?.roundTripMs.p99 ?? 0,
      pending: measured?.pending.commands ?? 0,
    };
  });
}
