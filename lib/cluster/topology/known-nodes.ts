import type { ClusterNode, ClusterTopology } from './topology.js';

/** How many nodes that have left are remembered at most. */
const MEMORY = 1_000;

/**
 * Knows which node is, or was last, at an address. Nodes that have left are remembered: a seed, or a node that
 * a caller names, may be one of them, and its address may belong to another node by now.
 */
export class KnownNodes {
  private readonly nodes = new Map<string, ClusterNode>();

  at(name: string): ClusterNode | undefined {
    return this.nodes.get(name);
  }

  /** Records the nodes of a snapshot. */
  note(topology: ClusterTopology): void {
    for (const node of topology.nodes) {
      // keep those that have been away for longest first
      this.nodes.delete(node.name);
      this.nodes.set(node.name, node);
    }
    for (const name of this.nodes.keys()) {
      if (this.nodes.size <= topology.nodes.length + MEMORY) break;
      this.nodes.delete(name);
    }
  }

  /** Records a node that a caller names, if nothing else is known about its address. */
  suppose(node: ClusterNode): void {
    if (!this.nodes.has(node.name)) this.nodes.set(node.name, node);
  }
}
