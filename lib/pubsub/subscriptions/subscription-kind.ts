import type { ClusterNode, ClusterTopology } from '../../cluster/topology/topology.js';

/**
 * The kinds of subscriptions.
 * - `channel`, `pattern`: classic pub/sub, which every node of the cluster forwards
 * - `sharded`: sharded pub/sub, which stays in the shard of the channel's slot
 * - `keyspace`: events of a primary's keys, which it sends to its own subscribers only
 */
export type SubscriptionKind = 'channel' | 'pattern' | 'sharded' | 'keyspace';

/** The kinds of connections. They differ in which nodes can serve them and in what they query from a node. */
export type LinkKind = 'classic' | 'sharded' | 'keyspace';

/** What decides which nodes can serve a subscription. */
export interface Placement {
  /** The slot of its name. */
  readonly slot: number;
  /** The only node that can serve it (`host:port`), if there is just one. */
  readonly home?: string | undefined;
}

/** The protocol's words for subscribing, unsubscribing and messages. */
export type SubscribeWord = 'subscribe' | 'psubscribe' | 'ssubscribe';
export type UnsubscribeWord = 'unsubscribe' | 'punsubscribe' | 'sunsubscribe';
export type MessageWord = 'message' | 'pmessage' | 'smessage';

/** How subscriptions of one kind are made, and on which nodes. */
export interface KindTraits {
  readonly link: LinkKind;
  readonly subscribe: SubscribeWord;
  readonly unsubscribe: UnsubscribeWord;
  readonly message: MessageWord;
  /** Returns what is put before every name on the server. */
  readonly prefix: (database: number) => string;
  /** The names of one command must share a slot, and messages are guaranteed only from the slot's primary. */
  readonly slotwise: boolean;
  /** Each node has subscriptions of its own, for it alone. */
  readonly homed?: boolean;
  /** Returns the nodes that can serve it, best first. */
  readonly candidates: (topology: ClusterTopology, placement: Placement) => readonly ClusterNode[];
}

const noPrefix = (): string => '';

const CHANNELS = {
  subscribe: 'subscribe',
  unsubscribe: 'unsubscribe',
  message: 'message',
  prefix: noPrefix,
  slotwise: false,
} as const;
const PATTERNS = {
  subscribe: 'psubscribe',
  unsubscribe: 'punsubscribe',
  message: 'pmessage',
  prefix: noPrefix,
  slotwise: false,
} as const;
const SHARDED = {
  subscribe: 'ssubscribe',
  unsubscribe: 'sunsubscribe',
  message: 'smessage',
  prefix: noPrefix,
  slotwise: true,
} as const;

export const KINDS: Readonly<Record<SubscriptionKind, KindTraits>> = {
  channel: { ...CHANNELS, link: 'classic', candidates: anyNode },
  pattern: { ...PATTERNS, link: 'classic', candidates: anyNode },
  sharded: { ...SHARDED, link: 'sharded', candidates: membersOfShard },
  keyspace: {
    ...PATTERNS,
    link: 'keyspace',
    prefix: (database) => `__keyspace@${database}__:`,
    homed: true,
    candidates: homeOnly,
  },
};

/** Returns the kinds whose subscriptions share a connection. */
export function kindsOf(link: LinkKind): SubscriptionKind[] {
  return (Object.keys(KINDS) as SubscriptionKind[]).filter((kind) => KINDS[kind].link === link);
}

/**
 * Every node forwards classic messages. The primary of the name's slot comes first, because `publish` uses
 * it: messages need not cross the cluster bus, names are distributed over the nodes, and the count that
 * `publish` returns is useful.
 */
function anyNode(topology: ClusterTopology, placement: Placement): readonly ClusterNode[] {
  const first = topology.shards.length < 2 ? 0 : Math.max(0, topology.shardIndexOfSlot(placement.slot));
  let orders = ordersOf.get(topology);
  if (orders === undefined) ordersOf.set(topology, (orders = []));
  return (orders[first] ??= nodesFrom(topology, first));
}

/** The nodes of a topology, ordered for the channels of each shard. There may be thousands of channels. */
const ordersOf = new WeakMap<ClusterTopology, (readonly ClusterNode[])[]>();

function nodesFrom({ shards }: ClusterTopology, first: number): readonly ClusterNode[] {
  const ordered = [...shards.slice(first), ...shards.slice(0, first)];
  return [...ordered.map(({ primary }) => primary), ...ordered.flatMap(({ replicas }) => replicas)];
}

/**
 * Replicas forward the messages of their shard too, so they can serve while the primary cannot be reached.
 */
function membersOfShard(topology: ClusterTopology, { slot }: Placement): readonly ClusterNode[] {
  const shard = topology.shardForSlot(slot);
  return shard === undefined ? [] : [shard.primary, ...shard.replicas];
}

function homeOnly(topology: ClusterTopology, { home }: Placement): readonly ClusterNode[] {
  const node = home === undefined ? undefined : topology.node(home);
  return node === undefined ? [] : [node];
}
