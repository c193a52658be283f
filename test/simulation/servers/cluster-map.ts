import { SLOT_COUNT } from '../../../lib/cluster/topology/key-slot.js';

/** A shard: the place of its primary among the nodes, and those of its replicas. */
export interface MapShard {
  readonly primary: number;
  readonly replicas: readonly number[];
}

type SlotRange = readonly [first: number, last: number, shard: MapShard];

/** Which node owns which slot, as of an epoch. Nodes may know different ones. */
export class ClusterMap {
  private found: readonly SlotRange[] | undefined = undefined;

  private constructor(
    readonly epoch: number,
    readonly shards: readonly MapShard[],
    /** The place of the shard of each slot. */
    private readonly owners: Uint8Array,
  ) {}

  /** Gives each shard the same number of slots. */
  static even(shards: readonly MapShard[]): ClusterMap {
    const owners = new Uint8Array(SLOT_COUNT);
    for (const at of shards.keys()) owners.fill(at, Math.round((at * SLOT_COUNT) / shards.length));
    return new ClusterMap(1, shards, owners);
  }

  /** Returns the place of the shard that owns a slot. */
  shardOfSlot(slot: number): number {
    return this.owners[slot];
  }

  /** Returns the place of the node that owns a slot. */
  ownerOf(slot: number): number {
    return this.shards[this.owners[slot]].primary;
  }

  /** Returns the place of the shard that a node belongs to. */
  shardOfNode(node: number): number {
    return this.shards.findIndex(({ primary, replicas }) => primary === node || replicas.includes(node));
  }

  isPrimary(node: number): boolean {
    return this.shards.some(({ primary }) => primary === node);
  }

  /** Returns the map after a slot has moved. */
  withSlot(slot: number, shard: number): ClusterMap {
    const owners = this.owners.slice();
    owners[slot] = shard;
    return new ClusterMap(this.epoch + 1, this.shards, owners);
  }

  /** Returns the map after a replica has taken over its shard. The old primary is a replica then. */
  withPrimary(node: number): ClusterMap {
    const place = this.shardOfNode(node);
    const { primary, replicas } = this.shards[place];
    const shard = { primary: node, replicas: [...replicas.filter((one) => one !== node), primary] };
    return new ClusterMap(this.epoch + 1, this.shards.with(place, shard), this.owners);
  }

  /** The ranges of slots of one owner, with its shard. Nodes are asked for them often. */
  get ranges(): readonly SlotRange[] {
    return (this.found ??= this.findRanges());
  }

  private findRanges(): SlotRange[] {
    const ranges: SlotRange[] = [];
    for (let first = 0; first < SLOT_COUNT;) {
      const owner = this.owners[first];
      let last = first;
      while (last + 1 < SLOT_COUNT && this.owners[last + 1] === owner) last++;
      ranges.push([first, last, this.shards[owner]]);
      first = last + 1;
    }
    return ranges;
  }
}
