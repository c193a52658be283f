import { ClientClosedError, InvalidArgumentError } from '../../cluster/common/errors.js';
import type { SubscriptionGauges } from '../../cluster/stats/pubsub-counters.js';
import type { SubscriptionKind } from './subscription-kind.js';
import type { SubscriptionName } from './subscription-name.js';
import { Topic, type TopicSink } from './topic.js';

/** The callbacks of the registry. */
export interface RegistryListener {
  /** Names have their first subscriber. */
  onTopicsAdded(topics: readonly Topic[]): void;
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

  /** Returns all topics, in a list of its own. */
  topics(): Topic[] {
    const none: Topic[] = [];
    return none.concat(...Object.values(this.byKind).map((topics) => [...topics.values()]));
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
    const known = this.byKind[kind];
    const topics: Topic[] = [];
    const added: Topic[] = [];
    for (let i = 0; i < names.length; i++) {
      const id = topicId(names[i].key, home);
      let topic = known.get(id);
      if (topic === undefined) {
        topic = new Topic(kind, names[i], only, home);
        known.set(id, topic);
        added.push(topic);
      } else if (topic.sinks.includes(sink)) continue;
      else topic.sinks = [...topic.sinks, sink];
      topics.push(topic);
    }
    if (added.length > 0) this.listener.onTopicsAdded(added);
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
    for (const topic of this.topics()) {
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
function allConfirmed(topics: readonly Topic[]): Promise<void> {
  return new Promise((resolve, reject) => {
    let left = 0;
    const waiters = [{ resolve: () => void (--left === 0 && resolve()), reject }];
    for (let i = 0; i < topics.length; i++) {
      if (topics[i].activeSince !== undefined) continue;
      left++;
      topics[i].addWaiters(waiters);
    }
    if (left === 0) resolve();
  });
}

const topicId = (key: string, home?: string): string => (home === undefined ? key : `${home} ${key}`);
