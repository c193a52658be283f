import type { ClusterNode, ClusterTopology } from '../cluster/topology.js';

/**
 * - `channel`, `pattern`: classic pub/sub, which every node of the cluster passes on
 * - `sharded`: sharded pub/sub, which stays in the shard of the channel's slot
 */
export type SubscriptionKind = 'channel' | 'pattern' | 'sharded';

/** Connections are not shared between these: servers and ioredis count the subscriptions of each apart. */
export type LinkKind = 'classic' | 'sharded';

/** How the subscriptions of one kind are made, and where. */
export interface KindTraits {
  readonly link: LinkKind;
  readonly subscribe: 'subscribe' | 'psubscribe' | 'ssubscribe';
  readonly unsubscribe: 'unsubscribe' | 'punsubscribe' | 'sunsubscribe';
  readonly event: 'messageBuffer' | 'pmessageBuffer' | 'smessageBuffer';
  /** The names of one command must share a slot, and messages are sure to come only where the slot's primary is. */
  readonly slotwise: boolean;
  /** The nodes that can serve a name of this slot, the best one first. */
  readonly candidates: (topology: ClusterTopology, slot: number) => readonly ClusterNode[];
}

export const KINDS: Readonly<Record<SubscriptionKind, KindTraits>> = {
  channel: {
    link: 'classic',
    subscribe: 'subscribe',
    unsubscribe: 'unsubscribe',
    event: 'messageBuffer',
    slotwise: false,
    candidates: anyNode,
  },
  pattern: {
    link: 'classic',
    subscribe: 'psubscribe',
    unsubscribe: 'punsubscribe',
    event: 'pmessageBuffer',
    slotwise: false,
    candidates: anyNode,
  },
  sharded: {
    link: 'sharded',
    subscribe: 'ssubscribe',
    unsubscribe: 'sunsubscribe',
    event: 'smessageBuffer',
    slotwise: true,
    candidates: membersOfShard,
  },
};

/** The kinds whose subscriptions share a connection. */
export function kindsOf(link: LinkKind): SubscriptionKind[] {
  return (Object.keys(KINDS) as SubscriptionKind[]).filter((kind) => KINDS[kind].link === link);
}

/**
 * Every node passes classic messages on. The primary of the name's slot comes first: it is where `publish` goes, so
 * messages need not cross the cluster's bus, names spread over the nodes, and the count that `publish` gives is of use.
 */
function anyNode(topology: ClusterTopology, slot: number): readonly ClusterNode[] {
  const { shards } = topology;
  const first = Math.max(0, topology.shardIndexOfSlot(slot));
  const turned = [...shards.slice(first), ...shards.slice(0, first)];
  return [...turned.map((shard) => shard.primary), ...turned.flatMap((shard) => shard.replicas)];
}

/** Replicas pass the messages of their shard on as well: they will do while the primary cannot be reached. */
function membersOfShard(topology: ClusterTopology, slot: number): readonly ClusterNode[] {
  const shard = topology.shardForSlot(slot);
  return shard === undefined ? [] : [shard.primary, ...shard.replicas];
}
