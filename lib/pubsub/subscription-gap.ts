import type { ChannelName } from './cluster-message.js';
import type { SubscriptionKind } from './subscription-kind.js';
import type { Topic, TopicSink } from './topic.js';

/**
 * - `connectionLost`: the connection to the node ended
 * - `nodeSilent`: there was no sign of life from the node
 * - `nodeLeft`: the node is no longer part of the cluster
 * - `slotMoved`: what was served by the node has another primary
 * - `credentialsRenewed`: a connection that could not be authenticated anew was replaced; servers without RESP3 only
 */
export type GapReason = 'connectionLost' | 'nodeSilent' | 'nodeLeft' | 'slotMoved' | 'credentialsRenewed';

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

/** A gap, with the topics that have it. */
export interface SharedGap {
  readonly gap: SubscriptionGap;
  readonly topics: readonly Topic[];
}

/** Confirms topics, and gives the gaps that end by this: one for all topics that share it. */
export function confirmAll(topics: readonly Topic[]): SharedGap[] {
  const until = Date.now();
  const sharing = new Map<string, { loss: Loss; topics: [Topic, ...Topic[]] }>();
  for (const topic of topics) {
    const loss = topic.confirm(until);
    if (loss === undefined) continue;
    const key = `${topic.kind} ${loss.node} ${loss.since} ${loss.reason}`;
    const others = sharing.get(key);
    if (others === undefined) sharing.set(key, { loss, topics: [topic] });
    else others.topics.push(topic);
  }
  return [...sharing.values()].map(({ loss, topics: all }) => ({
    gap: { kind: all[0].kind, names: all.map(({ name }) => name.given), ...loss, until },
    topics: all,
  }));
}

/** Tells a gap to all whose topics have it, each of its own. */
export function tellSinks({ gap, topics }: SharedGap): void {
  const topicsOf = new Map<TopicSink, Topic[]>();
  for (const topic of topics) {
    for (const sink of topic.sinks) {
      const own = topicsOf.get(sink);
      if (own === undefined) topicsOf.set(sink, [topic]);
      else own.push(topic);
    }
  }
  for (const [sink, own] of topicsOf) sink.onGap(own, gap);
}
