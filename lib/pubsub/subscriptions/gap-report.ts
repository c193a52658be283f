import { unixMs } from '../../cluster/common/timers.js';
import type { SubscriptionGap, Loss } from './subscription-gap.js';
import type { Topic, TopicSink } from './topic.js';

/** A gap, with the topics that have it. */
export interface SharedGap {
  readonly gap: SubscriptionGap;
  readonly topics: readonly Topic[];
}

/** Confirms topics, and returns the gaps that end by this: one for all topics that share it. */
export function confirmTopics(topics: readonly Topic[]): SharedGap[] {
  const until = unixMs();
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

/** Reports a gap to every sink of its topics, to each with its own topics. */
export function reportGap({ gap, topics }: SharedGap): void {
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
