import type { ClusterNode, ClusterTopology } from './topology.js';

/** Nodes that have left and are remembered all the same, at most. */
const MEMORY = 1_000;

/**
 * Which node is, or was last, at an address. Those that have left are remembered: a seed, or a node that a caller
 * names, may be one of them, and its address may be another's by now.
 */
export class KnownNodes {
  private readonly nodes = new Map<string, ClusterNode>();

  at(name: string): ClusterNode | undefined {
    return this.nodes.get(name);
  }

  /** Believes a snapshot. */
  note(topology: ClusterTopology): void {
    for (const node of topology.nodes) {
      // those that have been away for longest come first
      this.nodes.delete(node.name);
      this.nodes.set(node.name, node);
    }
    for (const name of this.nodes.keys()) {
      if (this.nodes.size <= topology.nodes.length + MEMORY) break;
      this.nodes.delete(name);
    }
  }

  /** Believes a caller, where nothing else is known. */
  suppose(node: ClusterNode): void {
    if (!this.nodes.has(node.name)) this.nodes.set(node.name, node);
  }
}
