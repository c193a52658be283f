import type { ClusterNode, ClusterTopology } from './topology.js';

/** How long a node is remembered, in ms: longer than any failover takes to be known everywhere. */
const MEMORY_MS = 10_000;
/** How long a node that has left is expected back, in ms: a failover is known everywhere by then. */
const AWAITED_MS = 4_000;

/**
 * Nodes that were part of the topology a moment ago. In the middle of a failover, a view may lack the very
 * replica that takes over. Redirects to it must still be followed, as it is not an unknown node.
 */
export class FormerNodes {
  private readonly nodes = new Map<string, { node: ClusterNode; until: number }>();

  /** Remembers the nodes of one snapshot that the next one lacks. */
  note(before: ClusterTopology, after: ClusterTopology, now: number): void {
    for (const [name, { until }] of this.nodes) if (until <= now) this.nodes.delete(name);
    for (const node of before.nodes) {
      if (after.node(node.name) === undefined) this.nodes.set(node.name, { node, until: now + MEMORY_MS });
    }
  }

  /** Whether a node has just left the topology, and may only be between two roles. */
  isAwaiting(present: ClusterTopology, now: number): boolean {
    for (const [name, { until }] of this.nodes) {
      if (until - MEMORY_MS + AWAITED_MS > now && present.node(name) === undefined) return true;
    }
    return false;
  }

  find(name: string, now: number): ClusterNode | undefined {
    const found = this.nodes.get(name);
    return found !== undefined && found.until > now ? found.node : undefined;
  }
}
