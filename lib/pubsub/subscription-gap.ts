import type { ChannelName } from './cluster-message.js';
import type { SubscriptionKind } from './subscription-kind.js';
import type { Topic } from './topic.js';

/**
 * - `connectionLost`: the connection to the node ended
 * - `nodeSilent`: there was no sign of life from the node
 * - `nodeLeft`: the node is no longer part of the cluster
 * - `slotMoved`: what was served by the node has another primary
 */
export type GapReason = 'connectionLost' | 'nodeSilent' | 'nodeLeft' | 'slotMoved';

/** Why and since when messages may be missing. */
export interface Loss {
  /** The node that served the subscription, `host:port`. */
  readonly node: string;
  /** In ms since 1970. */
  readonly since: number;
  readonly reason: GapReason;
}

/** A time in which messages may have been missed, told once the subscription is active again. */
export interface SubscriptionGap extends Loss {
  readonly kind: SubscriptionKind;
  /** The names concerned, as they were given. */
  readonly names: readonly ChannelName[];
  /** When the subscription was active again, in ms since 1970. */
  readonly until: number;
}

/** Confirms topics, and gives the gaps that end by this: one for all topics that share it. */
export function confirmAll(topics: readonly Topic[]): SubscriptionGap[] {
  const until = Date.now();
  const gaps = new Map<string, SubscriptionGap & { names: ChannelName[] }>();
  for (const topic of topics) {
    const { kind, name } = topic;
    const loss = topic.confirm(until);
    if (loss === undefined) continue;
    const key = `${kind} ${loss.node} ${loss.since} ${loss.reason}`;
    const gap = gaps.get(key);
    if (gap === undefined) gaps.set(key, { kind, names: [name.given], ...loss, until });
    else gap.names.push(name.given);
  }
  return [...gaps.values()];
}
