import { checkSlot, keySlot, SLOT_COUNT } from './key-slot.js';
import { coveredIn, slotTable, type SlotTable } from './slot-table.js';

/** A first and a last slot, both inclusive. */
export type SlotRange = readonly [first: number, last: number];

/** One node of the cluster, as of a snapshot. */
export interface ClusterNode {
  /** The node's id in the cluster; empty if the server does not report it. */
  readonly id: string;
  readonly host: string;
  readonly port: number;
  /** `host:port`. */
  readonly name: string;
  readonly role: 'primary' | 'replica';
  /** The slots of the node's shard. */
  readonly slots: readonly SlotRange[];
}

/** A primary, its replicas, and the slots they hold. */
export interface ClusterShard {
  readonly primary: ClusterNode;
  readonly replicas: readonly ClusterNode[];
  readonly slots: readonly SlotRange[];
}

/** The address of a node. */
export interface NodeAddress {
  readonly host: string;
  readonly port: number;
}

/** A node as the server reports it, before its slots are known. */
export interface NodeIdentity extends NodeAddress {
  readonly id: string;
}

/** A primary with its replicas, from which a topology is built. */
export interface ShardMembers {
  readonly primary: NodeIdentity;
  readonly replicas: readonly NodeIdentity[];
}

/** Returns `host:port`, the name that identifies a node. */
export function nodeName(address: NodeAddress): string {
  return `${address.host}:${address.port}`;
}

/** An immutable snapshot of which node holds which slot. A change creates a new snapshot with a higher version. */
export class ClusterTopology {
  private shardList?: readonly ClusterShard[];
  private nodesByName?: ReadonlyMap<string, ClusterNode>;
  private viewText?: string;
  private covered?: number;

  private constructor(
    /** Grows with every change this client has seen. */
    readonly version: number,
    private readonly members: readonly ShardMembers[],
    /** One more than the index into `members` for each slot; 0 if none of them owns it. */
    private readonly shardOfSlot: SlotTable,
    private readonly defaultNodeName: string | undefined,
  ) {}

  private static readonly none = new ClusterTopology(0, [], slotTable(0), undefined);

  /** Returns the snapshot of clients that have not connected yet. They share it, as its table takes 16 KB. */
  static empty(): ClusterTopology {
    return ClusterTopology.none;
  }

  /** Builds a snapshot from the slots of each shard. If ranges overlap, the later one wins. */
  static of(shards: Iterable<ShardMembers & { slots: readonly SlotRange[] }>, version = 1): ClusterTopology {
    const all = [...shards];
    const members = all.map(({ primary, replicas }): ShardMembers => ({ primary, replicas }));
    const shardOfSlot = slotTable(members.length);
    all.forEach(({ slots }, index) => {
      for (const [first, last] of slots) shardOfSlot.fill(index + 1, first, last + 1);
    });
    return new ClusterTopology(version, members, shardOfSlot, undefined);
  }

  /** Returns the same view with another version and default node. */
  restamped(version: number, defaultNodeName: string | undefined): ClusterTopology {
    const stamped = new ClusterTopology(version, this.members, this.shardOfSlot, defaultNodeName);
    // what has been worked out holds for both
    stamped.shardList = this.shardList;
    stamped.nodesByName = this.nodesByName;
    stamped.viewText = this.viewText;
    stamped.covered = this.covered;
    return stamped;
  }

  /** Returns the same view with primaries added that own no slots yet. Known ones are ignored. */
  withSlotlessPrimaries(slotless: readonly NodeIdentity[]): ClusterTopology {
    const unknown = slotless.filter((primary) => this.node(nodeName(primary)) === undefined);
    const members = [...this.members, ...unknown.map((primary) => ({ primary, replicas: [] }))];
    return new ClusterTopology(this.version, members, this.shardOfSlot, this.defaultNodeName);
  }

  /**
   * Returns the snapshot after slots have moved to nodes of this snapshot, as reported by MOVED replies. Other
   * names are ignored. A replica that is named has been promoted. Its shard is known after the next refresh;
   * until then it stands alone.
   */
  withSlotsMoved(moves: Iterable<readonly [slot: number, name: string]>): ClusterTopology {
    const members = [...this.members];
    const indexes = new Map(members.map(({ primary }, index) => [nodeName(primary), index]));
    // each node may become a shard of its own
    const shardOfSlot = slotTable(nodesIn(members), this.shardOfSlot);
    let changed = false;
    for (const [slot, name] of moves) {
      const index = indexes.get(name) ?? promote(this.node(name), members);
      if (index === undefined || shardOfSlot[slot] === index + 1) continue;
      indexes.set(name, index);
      shardOfSlot[slot] = index + 1;
      changed = true;
    }
    return changed ? new ClusterTopology(this.version + 1, members, shardOfSlot, this.defaultNodeName) : this;
  }

  /**
   * Returns the same view, in which slots without an owner stay with the owner of an earlier snapshot, if that
   * is reliable. In the middle of a failover, nodes know that the old primary has no slots any more, but not
   * yet who has.
   */
  withGapsFilled(earlier: ClusterTopology, isReliable: (primary: ClusterNode) => boolean): ClusterTopology {
    const members = [...this.members];
    const shardOfSlot = slotTable(nodesIn(members) + earlier.members.length, this.shardOfSlot);
    const indexes = new Map<ClusterShard, number | undefined>();
    for (let slot = 0; slot < SLOT_COUNT; slot++) {
      const shard = shardOfSlot[slot] === 0 ? earlier.shardForSlot(slot) : undefined;
      if (shard === undefined) continue;
      if (!indexes.has(shard)) {
        const { primary } = shard;
        indexes.set(
          shard,
          isReliable(primary) ? indexOfPrimary(primary, this.node(primary.name), members) : undefined,
        );
      }
      shardOfSlot[slot] = (indexes.get(shard) ?? -1) + 1;
    }
    const filled = [...indexes.values()].some((index) => index !== undefined);
    return filled ? new ClusterTopology(this.version, members, shardOfSlot, this.defaultNodeName) : this;
  }

  /** Every shard that has a primary, with its slots. */
  get shards(): readonly ClusterShard[] {
    return (this.shardList ??= this.buildShards());
  }

  get primaries(): readonly ClusterNode[] {
    return this.shards.map((shard) => shard.primary);
  }

  get replicas(): readonly ClusterNode[] {
    return this.shards.flatMap((shard) => shard.replicas);
  }

  /** Primaries and replicas. */
  get nodes(): readonly ClusterNode[] {
    return [...this.byName().values()];
  }

  /** How many of the 16384 slots have an owner. */
  get coveredSlots(): number {
    return (this.covered ??= coveredIn(this.shardOfSlot));
  }

  /** The node for commands without a key: the chosen one, else the first primary of this snapshot. */
  get defaultNode(): ClusterNode | undefined {
    const chosen = this.defaultNodeName === undefined ? undefined : this.node(this.defaultNodeName);
    return chosen ?? this.shards[0]?.primary;
  }

  /** Returns the node of that name (`host:port`). */
  node(name: string): ClusterNode | undefined {
    return this.byName().get(name);
  }

  /** Returns the primary of a slot, or its first replica. Undefined if there is none. */
  nodeForSlot(slot: number, role: 'primary' | 'replica' = 'primary'): ClusterNode | undefined {
    const shard = this.shardForSlot(checkSlot(slot));
    return role === 'primary' ? shard?.primary : shard?.replicas[0];
  }

  /** Does the same as `nodeForSlot`, for the slot of a key. */
  nodeForKey(key: string | Buffer | number, role?: 'primary' | 'replica'): ClusterNode | undefined {
    return this.nodeForSlot(keySlot(key), role);
  }

  /** Returns the shard that holds a slot. */
  shardForSlot(slot: number): ClusterShard | undefined {
    const index = this.shardIndexOfSlot(slot);
    return index === -1 ? undefined : this.shards[index];
  }

  /** Returns the index of a slot's shard in `shards`, or -1. For routing tables, which avoid an object per lookup. */
  shardIndexOfSlot(slot: number): number {
    return this.shardOfSlot[slot] - 1;
  }

  /**
   * Whether some node is part of both snapshots. Compares ids, as clusters behind NAT may share names; compares
   * names if there are no ids.
   */
  sharesNodes(other: ClusterTopology): boolean {
    // mostly all nodes are the same
    const first = this.shards.at(0)?.primary;
    if (first !== undefined && other.node(first.name)?.id === first.id) return true;
    const ids = new Set(other.nodes.map(({ id }) => id));
    return this.nodes.some(({ id, name }) => {
      if (id !== '' && !ids.has('')) return ids.has(id);
      return other.node(name) !== undefined;
    });
  }

  /** Whether both snapshots agree on every slot and role. Versions and default nodes are ignored. */
  sameView(other: ClusterTopology): boolean {
    return this.fingerprint() === other.fingerprint();
  }

  /** Returns a text that is equal for equal views, whatever the order in which nodes were reported. */
  fingerprint(): string {
    return (this.viewText ??= this.describeView());
  }

  private describeView(): string {
    return this.shards
      .map(({ primary, replicas, slots }) => {
        const names = replicas.map((replica) => replica.name).toSorted();
        return `${primary.id}@${primary.name}[${names}]${slots.join(';')}`;
      })
      .toSorted()
      .join('|');
  }

  private byName(): ReadonlyMap<string, ClusterNode> {
    return (this.nodesByName ??= new Map(
      this.shards
        .flatMap((shard) => [...shard.replicas, shard.primary])
        .map((node) => [node.name, node] as const),
    ));
  }

  private buildShards(): readonly ClusterShard[] {
    const ranges = this.members.map((): [number, number][] => []);
    for (let slot = 0; slot < SLOT_COUNT; slot++) {
      const index = this.shardIndexOfSlot(slot);
      if (index === -1) continue;
      const last = ranges[index].at(-1);
      if (last !== undefined && last[1] === slot - 1) last[1] = slot;
      else ranges[index].push([slot, slot]);
    }
    // deeply frozen, as callers get these objects
    const shards = this.members.map(({ primary, replicas }, index) => {
      const slots = Object.freeze(ranges[index].map((range) => Object.freeze(range)));
      return Object.freeze({
        primary: describe(primary, 'primary', slots),
        replicas: Object.freeze(replicas.map((replica) => describe(replica, 'replica', slots))),
        slots,
      });
    });
    return Object.freeze(shards);
  }
}

/** How many shards these can become, if each replica is promoted. */
function nodesIn(members: readonly ShardMembers[]): number {
  return members.reduce((sum, { replicas }) => sum + 1 + replicas.length, 0);
}

function describe(node: NodeIdentity, role: ClusterNode['role'], slots: readonly SlotRange[]): ClusterNode {
  return Object.freeze({ id: node.id, host: node.host, port: node.port, name: nodeName(node), role, slots });
}

/** Returns the index of a primary's shard, which is created if there is none. */
function indexOfPrimary(
  primary: ClusterNode,
  here: ClusterNode | undefined,
  members: ShardMembers[],
): number {
  const known = members.findIndex((member) => nodeName(member.primary) === primary.name);
  if (known !== -1) return known;
  return promote(here, members) ?? members.push({ primary, replicas: [] }) - 1;
}

/** Moves a replica from its shard to a new shard, and returns the index of that. */
function promote(node: ClusterNode | undefined, members: ShardMembers[]): number | undefined {
  if (node === undefined) return undefined;
  const shard = members.findIndex(({ replicas }) => replicas.some((one) => nodeName(one) === node.name));
  const { primary, replicas } = members[shard];
  members[shard] = { primary, replicas: replicas.filter((one) => nodeName(one) !== node.name) };
  return members.push({ primary: node, replicas: [] }) - 1;
}
