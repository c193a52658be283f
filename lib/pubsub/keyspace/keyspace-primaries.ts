import type { ClusterTopology } from '../../cluster/topology/topology.js';

/**
 * Decides which primaries to subscribe to for keyspace events, as the topology changes. After a failover, the
 * first MOVED creates a snapshot in which the promoted replica has one slot and its former primary, now a
 * replica, still has the others. A replica publishes the events it replicates, so only the promoted node of
 * the two counts.
 */
export class KeyspacePrimaries {
  private before: ClusterTopology | undefined = undefined;
  /** Former primaries, each with the replica that was promoted in its place. */
  private readonly superseded = new Map<string, string>();

  /** Whether some primary of the last snapshot is assumed to be a replica. */
  get uncertain(): boolean {
    return this.superseded.size > 0;
  }

  /**
   * Returns the primaries of the next snapshot that count, each with the primary it replicated before, if
   * any.
   */
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
      // both have slots only until the topology is read again
      if (!owners.includes(name) || !owners.includes(successor)) superseded.delete(name);
      else current.delete(name);
    }
    return current;
  }

  /** The topology has been read since: every primary in it is one. */
  settle(): void {
    this.superseded.clear();
  }
}

/** Returns the primary that a node replicated. */
function predecessorOf(name: string, topology: ClusterTopology): string | undefined {
  return topology.shards.find(({ replicas }) => replicas.some((replica) => replica.name === name))?.primary
    .name;
}
