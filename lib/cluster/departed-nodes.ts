import type { ClusterNode, ClusterTopology } from './topology.js';

/** How long a node is remembered, in ms: longer than any failover takes to be known everywhere. */
const MEMORY_MS = 10_000;

/**
 * Nodes that were part of the topology a moment ago. In the middle of a failover a view may leave out the very replica
 * that takes over, and redirects to it are to be followed all the same: it is no stranger.
 */
export class DepartedNodes {
  private readonly nodes = new Map<string, { node: ClusterNode; until: number }>();

  /** Remembers what one snapshot has and the next has not. */
  note(before: ClusterTopology, after: ClusterTopology, now: number): void {
    for (const [name, { until }] of this.nodes) if (until <= now) this.nodes.delete(name);
    for (const node of before.nodes) {
      if (after.node(node.name) === undefined) this.nodes.set(node.name, { node, until: now + MEMORY_MS });
    }
  }

  find(name: string, now: number): ClusterNode | undefined {
    const found = this.nodes.get(name);
    return found !== undefined && found.until > now ? found.node : undefined;
  }
}
