import { ClientClosedError, InvalidArgumentError } from '../../cluster/common/errors.js';
import type { SubscriptionGauges } from '../../cluster/stats/pubsub-counters.js';
import type { SubscriptionKind } from './subscription-kind.js';
import type { SubscriptionName } from './subscription-name.js';
import { Topic, type TopicSink } from './topic.js';

/** The callbacks of the registry. */
export interface RegistryListener {
  /** A name has its first subscriber. */
  onTopicAdded(topic: Topic): void;
  /** A topic has lost its last subscriber, or has failed. */
  onTopicRemoved(topic: Topic): void;
}

/** The attachment of a sink to some topics. */
export interface Attachment {
  readonly topics: readonly Topic[];
  /** Detaches the sink. */
  detach(): void;
}

/** All wanted subscriptions with their sinks, regardless of the state of connections. */
export class SubscriptionRegistry {
  private readonly byKind: Readonly<Record<SubscriptionKind, Map<string, Topic>>> = {
    channel: new Map(),
    pattern: new Map(),
    sharded: new Map(),
    keyspace: new Map(),
  };
  private closed = false;

  constructor(private readonly listener: RegistryListener) {}

  *topics(): Iterable<Topic> {
    for (const topics of Object.values(this.byKind)) yield* topics.values();
  }

  /** Returns the topic with this key, at its home if it has one. */
  find(kind: SubscriptionKind, key: string, home?: string): Topic | undefined {
    return this.byKind[kind].get(topicId(key, home));
  }

  /** Returns the current numbers of subscriptions, for `stats()`. */
  gauges(): SubscriptionGauges {
    let unconfirmed = 0;
    for (const { activeSince } of this.topics()) if (activeSince === undefined) unconfirmed++;
    const { channel, pattern, sharded, keyspace } = this.byKind;
    return {
      subscriptions: {
        channel: channel.size,
        pattern: pattern.size,
        sharded: sharded.size,
        keyspace: keyspace.size,
      },
      unconfirmed,
    };
  }

  /**
   * Attaches a sink to these names, once to each.
   * @param home the only node that can serve them, if there is just one
   */
  attach(
    kind: SubscriptionKind,
    names: readonly SubscriptionName[],
    sink: TopicSink,
    home?: string,
  ): Attachment {
    if (this.closed) {
      sink.onError(new ClientClosedError());
      return { topics: [], detach: () => {} };
    }
    // topics without other sinks share this list, which nobody changes
    const only: readonly TopicSink[] = [sink];
    const topics: Topic[] = [];
    for (const name of names) {
      const topic = this.addSink(kind, name, only, home);
      if (topic !== undefined) topics.push(topic);
    }
    return { topics, detach: () => topics.forEach((topic) => this.removeSink(topic, sink)) };
  }

  /**
   * Resolves once the server has confirmed all current subscriptions, or those of the given names.
   * @throws InvalidArgumentError if a name has no subscriber
   */
  async whenActive(names?: readonly SubscriptionName[]): Promise<void> {
    if (this.closed) throw new ClientClosedError();
    await allConfirmed(names === undefined ? this.topics() : this.topicsNamed(names));
  }

  /** Removes a topic and passes the error to its sinks. */
  fail(topic: Topic, error: Error): void {
    this.removeTopic(topic);
    topic.fail(error);
  }

  /** Ends all subscriptions. */
  close(): void {
    this.closed = true;
    for (const topic of [...this.topics()]) {
      this.removeTopic(topic);
      topic.close(new ClientClosedError());
    }
  }

  private topicsNamed(names: readonly SubscriptionName[]): Topic[] {
    return names.flatMap(({ key, given }) => {
      const topics = this.topicsOf(key);
      if (topics.length > 0) return topics;
      throw new InvalidArgumentError(
        'names',
        `Nothing is subscribed to ${JSON.stringify(String(given))}: subscribe to its observable first`,
      );
    });
  }

  /** Returns the topics of all kinds and homes with this name. */
  private topicsOf(key: string): Topic[] {
    const { keyspace, ...others } = this.byKind;
    const found = Object.values(others).map((topics) => topics.get(key));
    for (const topic of keyspace.values()) if (topic.name.key === key) found.push(topic);
    return found.filter((topic) => topic !== undefined);
  }

  /** Returns the topic; undefined if the sink was attached to it already. */
  private addSink(
    kind: SubscriptionKind,
    name: SubscriptionName,
    only: readonly TopicSink[],
    home?: string,
  ): Topic | undefined {
    const topics = this.byKind[kind];
    const id = topicId(name.key, home);
    const known = topics.get(id);
    if (known !== undefined) {
      if (known.sinks.includes(only[0])) return undefined;
      known.sinks = [...known.sinks, ...only];
      return known;
    }
    const topic = new Topic(kind, name, home);
    topic.sinks = only;
    topics.set(id, topic);
    this.listener.onTopicAdded(topic);
    return topic;
  }

  private removeSink(topic: Topic, sink: TopicSink): void {
    topic.sinks = topic.sinks.filter((other) => other !== sink);
    if (topic.sinks.length > 0) return;
    this.removeTopic(topic);
    topic.release();
  }

  private removeTopic(topic: Topic): void {
    const topics = this.byKind[topic.kind];
    const id = topicId(topic.name.key, topic.home);
    // it may have been removed already, and replaced by another topic of this name
    if (topics.get(id) !== topic) return;
    topics.delete(id);
    this.listener.onTopicRemoved(topic);
  }
}

/** Resolves once none of these topics waits for its confirmation. One waiter for all: there may be 10,000. */
function allConfirmed(topics: Iterable<Topic>): Promise<void> {
  return new Promise((resolve, reject) => {
    let left = 0;
    const waiters = [{ resolve: () => void (--left === 0 && resolve()), reject }];
    for (const topic of topics) {
      if (topic.activeSince !== undefined) continue;
      left++;
      topic.addWaiters(waiters);
    }
    if (left === 0) resolve();
  });
}

const topicId = (key: string, home?: string): string => (home === undefined ? key : `${home} ${key}`);
