import type { ClusterNode, ClusterTopology } from '../../cluster/topology/topology.js';

/**
 * - `channel`, `pattern`: classic pub/sub, which every node of the cluster passes on
 * - `sharded`: sharded pub/sub, which stays in the shard of the channel's slot
 * - `keyspace`: what a primary tells of its keys, to nobody but its own subscribers
 */
export type SubscriptionKind = 'channel' | 'pattern' | 'sharded' | 'keyspace';

/** Connections are not shared between these: they differ in where they have to be, and in what they ask of a node. */
export type LinkKind = 'classic' | 'sharded' | 'keyspace';

/** What decides where a subscription can be. */
export interface Placement {
  /** The slot of its name. */
  readonly slot: number;
  /** The node it belongs to (`host:port`), where it can be nowhere else. */
  readonly home?: string | undefined;
}

/** What makes subscriptions, what ends them, and what comes by them, as servers call it. */
export type SubscribeWord = 'subscribe' | 'psubscribe' | 'ssubscribe';
export type UnsubscribeWord = 'unsubscribe' | 'punsubscribe' | 'sunsubscribe';
export type MessageWord = 'message' | 'pmessage' | 'smessage';

/** How the subscriptions of one kind are made, and where. */
export interface KindTraits {
  readonly link: LinkKind;
  readonly subscribe: SubscribeWord;
  readonly unsubscribe: UnsubscribeWord;
  readonly message: MessageWord;
  /** Stands before every name at the server. */
  readonly prefix: string;
  /** The names of one command must share a slot, and messages are sure to come only where the slot's primary is. */
  readonly slotwise: boolean;
  /** The nodes that can serve it, the best one first. */
  readonly candidates: (topology: ClusterTopology, where: Placement) => readonly ClusterNode[];
}

const CHANNELS = {
  subscribe: 'subscribe',
  unsubscribe: 'unsubscribe',
  message: 'message',
  prefix: '',
  slotwise: false,
} as const;
const PATTERNS = {
  subscribe: 'psubscribe',
  unsubscribe: 'punsubscribe',
  message: 'pmessage',
  prefix: '',
  slotwise: false,
} as const;
const SHARDED = {
  subscribe: 'ssubscribe',
  unsubscribe: 'sunsubscribe',
  message: 'smessage',
  prefix: '',
  slotwise: true,
} as const;

export const KINDS: Readonly<Record<SubscriptionKind, KindTraits>> = {
  channel: { ...CHANNELS, link: 'classic', candidates: anyNode },
  pattern: { ...PATTERNS, link: 'classic', candidates: anyNode },
  sharded: { ...SHARDED, link: 'sharded', candidates: membersOfShard },
  // in a cluster there is only database 0
  keyspace: { ...PATTERNS, link: 'keyspace', prefix: '__keyspace@0__:', candidates: homeOnly },
};

/** The kinds whose subscriptions share a connection. */
export function kindsOf(link: LinkKind): SubscriptionKind[] {
  return (Object.keys(KINDS) as SubscriptionKind[]).filter((kind) => KINDS[kind].link === link);
}

/**
 * Every node passes classic messages on. The primary of the name's slot comes first: it is where `publish` goes, so
 * messages need not cross the cluster's bus, names spread over the nodes, and the count that `publish` gives is of use.
 */
function anyNode(topology: ClusterTopology, { slot }: Placement): readonly ClusterNode[] {
  const { shards } = topology;
  const first = Math.max(0, topology.shardIndexOfSlot(slot));
  const turned = [...shards.slice(first), ...shards.slice(0, first)];
  return [...turned.map((shard) => shard.primary), ...turned.flatMap((shard) => shard.replicas)];
}

/** Replicas pass the messages of their shard on as well: they will do while the primary cannot be reached. */
function membersOfShard(topology: ClusterTopology, { slot }: Placement): readonly ClusterNode[] {
  const shard = topology.shardForSlot(slot);
  return shard === undefined ? [] : [shard.primary, ...shard.replicas];
}

function homeOnly(topology: ClusterTopology, { home }: Placement): readonly ClusterNode[] {
  const node = home === undefined ? undefined : topology.node(home);
  return node === undefined ? [] : [node];
}
