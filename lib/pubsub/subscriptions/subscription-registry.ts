import { ClientClosedError, InvalidArgumentError } from '../../cluster/common/errors.js';
import type { SubscriptionKind } from './subscription-kind.js';
import type { SubscriptionName } from './subscription-name.js';
import { Topic, type TopicSink } from './topic.js';

/** What the registry tells. */
export interface RegistryListener {
  /** Somebody wants a name that nobody has wanted. */
  onTopicAdded(topic: Topic): void;
  /** Nobody wants it any more. */
  onTopicRemoved(topic: Topic): void;
}

/** A sink's hold on some topics. */
export interface Attachment {
  readonly topics: readonly Topic[];
  /** Ends it. */
  detach(): void;
}

/** Everything that is subscribed to, with those who do: what is desired, whatever the connections are at. */
export class SubscriptionRegistry {
  private readonly byKind: Readonly<Record<SubscriptionKind, Map<string, Topic>>> = {
    channel: new Map(),
    pattern: new Map(),
    sharded: new Map(),
    keyspace: new Map(),
  };
  /** Topics of all kinds and homes by their name alone. */
  private readonly byName = new Map<string, Set<Topic>>();
  private closed = false;

  constructor(private readonly listener: RegistryListener) {}

  *topics(): Iterable<Topic> {
    for (const topics of Object.values(this.byKind)) yield* topics.values();
  }

  /**
   * Feeds a sink with what comes by these names.
   * @param home the node they belong to, where they can be nowhere else
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
    const topics = names.map((name) => this.addSink(kind, name, sink, home));
    return { topics, detach: () => topics.forEach((topic) => this.removeSink(topic, sink)) };
  }

  /**
   * Resolves once the server has confirmed what is subscribed to at this moment: these names, or all.
   * @throws InvalidArgumentError where nobody subscribes to a name
   */
  async whenActive(names?: readonly SubscriptionName[]): Promise<void> {
    if (this.closed) throw new ClientClosedError();
    const topics = names === undefined ? [...this.topics()] : this.topicsNamed(names);
    await Promise.all(topics.map((topic) => topic.whenActive()));
  }

  /** Takes a topic out, with an error for all who subscribe to it. */
  fail(topic: Topic, error: Error): void {
    this.removeTopic(topic);
    topic.fail(error);
  }

  /** Ends everything. */
  close(): void {
    this.closed = true;
    for (const topic of [...this.topics()]) {
      this.removeTopic(topic);
      topic.close(new ClientClosedError());
    }
  }

  private topicsNamed(names: readonly SubscriptionName[]): Topic[] {
    return names.flatMap(({ key, given }) => {
      const topics = this.byName.get(key);
      if (topics !== undefined) return [...topics];
      throw new InvalidArgumentError('names', `Nobody subscribes to ${JSON.stringify(String(given))}`);
    });
  }

  private addSink(kind: SubscriptionKind, name: SubscriptionName, sink: TopicSink, home?: string): Topic {
    const known = this.byKind[kind].get(topicId(name, home));
    const topic = known ?? new Topic(kind, name, home);
    topic.sinks = [...topic.sinks, sink];
    if (known === undefined) {
      this.byKind[kind].set(topicId(name, home), topic);
      this.byName.set(name.key, (this.byName.get(name.key) ?? new Set()).add(topic));
      this.listener.onTopicAdded(topic);
    }
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
    const id = topicId(topic.name, topic.home);
    // it may have been removed before, and another have taken its place
    if (topics.get(id) !== topic) return;
    topics.delete(id);
    const namesakes = this.byName.get(topic.name.key);
    namesakes?.delete(topic);
    if (namesakes?.size === 0) this.byName.delete(topic.name.key);
    this.listener.onTopicRemoved(topic);
  }
}

const topicId = ({ key }: SubscriptionName, home?: string): string =>
  home === undefined ? key : `${home} ${key}`;
