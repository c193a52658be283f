import type { LocalCluster } from 'keyslot/testing';

/** What the nodes have counted so far, those that are running. A restart sets their counts back. */
export interface ServerCounts {
  readonly refreshes: number;
  readonly connections: number;
}

export async function serverCounts(cluster: LocalCluster): Promise<ServerCounts> {
  const counts = { refreshes: 0, connections: 0 };
  for (const node of cluster.nodes.filter(({ state }) => state === 'running')) {
    const commands = String(await cluster.command(node, 'INFO', 'commandstats'));
    for (const [, calls] of commands.matchAll(/^cmdstat_cluster\|(?:slots|shards):calls=(\d+)/gm))
      counts.refreshes += Number(calls);
    const stats = String(await cluster.command(node, 'INFO', 'stats'));
    counts.connections += Number(/total_connections_received:(\d+)/.exec(stats)?.[1] ?? 0);
  }
  return counts;
}
