import { unixMs } from '../../cluster/common/timers.js';
import type { SubscriptionGap, Loss } from './subscription-gap.js';
import type { Topic, TopicLink, TopicSink } from './topic.js';

/** A gap, with the topics that have it. */
export interface SharedGap {
  readonly gap: SubscriptionGap;
  readonly topics: readonly Topic[];
}

const NO_GAPS: readonly SharedGap[] = [];

/**
 * Confirms the topics that this link serves and that are not active yet, and returns the gaps that end by this: one for
 * all topics that share it.
 */
export function confirmTopics(topics: readonly Topic[], link: TopicLink): readonly SharedGap[] {
  const until = unixMs();
  let sharing: Map<string, { loss: Loss; topics: [Topic, ...Topic[]] }> | undefined;
  for (let i = 0; i < topics.length; i++) {
    const topic = topics[i];
    if (topic.link !== link || topic.activeSince !== undefined) continue;
    const loss = topic.confirm(until);
    if (loss === undefined) continue;
    sharing ??= new Map();
    const key = `${topic.kind} ${loss.node} ${loss.since} ${loss.reason}`;
    const others = sharing.get(key);
    if (others === undefined) sharing.set(key, { loss, topics: [topic] });
    else others.topics.push(topic);
  }
  if (sharing === undefined) return NO_GAPS;
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
