import type { ClusterTopology } from '../../cluster/topology/topology.js';

/**
 * Which primaries tell events, over the snapshots of a topology. After a failover the first MOVED makes a snapshot in
 * which the promoted replica has one slot, and its former primary, by then a replica, still has the others. Replicas
 * tell what they replicate, too, so of these two only the promoted one counts.
 */
export class KeyspacePrimaries {
  private before: ClusterTopology | undefined = undefined;
  /** Former primaries, with the replica that was promoted. */
  private readonly superseded = new Map<string, string>();

  /** Some primary of the last snapshot is taken for a replica. */
  get uncertain(): boolean {
    return this.superseded.size > 0;
  }

  /** The primaries of the next snapshot that count, each with the one whose replica it was until then, if any. */
  update(topology: ClusterTopology): Map<string, string | undefined> {
    const { before, superseded } = this;
    this.before = topology;
    const owners = topology.shards.filter(({ slots }) => slots.length > 0).map(({ primary }) => primary.name);
    const current = new Map(owners.map((name) => [name, before && predecessorOf(name, before)]));
    for (const [name, predecessor] of current) {
      if (predecessor === undefined) continue;
      superseded.delete(name);
      superseded.set(predecessor, name);
    }
    for (const [name, successor] of superseded) {
      // both have slots only until the topology has been read again
      if (!owners.includes(name) || !owners.includes(successor)) superseded.delete(name);
      else current.delete(name);
    }
    return current;
  }

  /** The topology has been read since: whoever is a primary in it is one. */
  settle(): void {
    this.superseded.clear();
  }
}

/** The primary whose replica a node was. */
function predecessorOf(name: string, topology: ClusterTopology): string | undefined {
  return topology.shards.find(({ replicas }) => replicas.some((replica) => replica.name === name))?.primary
    .name;
}
