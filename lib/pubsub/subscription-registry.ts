import { ClientClosedError, InvalidArgumentError } from '../cluster/errors.js';
import type { SubscriptionKind } from './subscription-kind.js';
import type { SubscriptionName } from './subscription-name.js';
import { Topic, type TopicSink } from './topic.js';

/** What the registry tells. */
export interface RegistryListener {
  /** Somebody wants a name that nobody has wanted. */
  onWanted(topic: Topic): void;
  /** Nobody wants it any more. */
  onUnwanted(topic: Topic): void;
}

/** Everything that is subscribed to, with those who do: what is desired, whatever the connections are at. */
export class SubscriptionRegistry {
  private readonly byKind: Readonly<Record<SubscriptionKind, Map<string, Topic>>> = {
    channel: new Map(),
    pattern: new Map(),
    sharded: new Map(),
  };
  private closed = false;

  constructor(private readonly listener: RegistryListener) {}

  *topics(): Iterable<Topic> {
    for (const topics of Object.values(this.byKind)) yield* topics.values();
  }

  /** Feeds a sink with what comes by these names; gives the function that ends it. */
  attach(kind: SubscriptionKind, names: readonly SubscriptionName[], sink: TopicSink): () => void {
    if (this.closed) {
      sink.onError(new ClientClosedError());
      return () => {};
    }
    const topics = names.map((name) => this.join(kind, name, sink));
    return () => {
      for (const topic of topics) this.leave(topic, sink);
    };
  }

  /**
   * Resolves once the server has confirmed what is subscribed to at this moment: these names, or all.
   * @throws InvalidArgumentError where nobody subscribes to a name
   */
  async whenActive(names?: readonly SubscriptionName[]): Promise<void> {
    if (this.closed) throw new ClientClosedError();
    const topics = names === undefined ? [...this.topics()] : names.flatMap((name) => this.named(name));
    await Promise.all(topics.map((topic) => topic.whenActive()));
  }

  /** Takes a topic out, with an error for all who subscribe to it. */
  fail(topic: Topic, error: Error): void {
    this.remove(topic);
    topic.fail(error);
  }

  /** Ends everything. */
  close(): void {
    this.closed = true;
    for (const topic of [...this.topics()]) {
      this.remove(topic);
      topic.close(new ClientClosedError());
    }
  }

  private named({ key, given }: SubscriptionName): Topic[] {
    const topics = Object.values(this.byKind).flatMap((byKey) => byKey.get(key) ?? []);
    if (topics.length === 0) {
      throw new InvalidArgumentError('names', `Nobody subscribes to ${JSON.stringify(String(given))}`);
    }
    return topics;
  }

  private join(kind: SubscriptionKind, name: SubscriptionName, sink: TopicSink): Topic {
    const known = this.byKind[kind].get(name.key);
    const topic = known ?? new Topic(kind, name);
    topic.sinks = [...topic.sinks, sink];
    if (known === undefined) {
      this.byKind[kind].set(name.key, topic);
      this.listener.onWanted(topic);
    }
    return topic;
  }

  private leave(topic: Topic, sink: TopicSink): void {
    topic.sinks = topic.sinks.filter((other) => other !== sink);
    if (topic.sinks.length > 0 || this.byKind[topic.kind].get(topic.name.key) !== topic) return;
    this.remove(topic);
    topic.release();
  }

  private remove(topic: Topic): void {
    this.byKind[topic.kind].delete(topic.name.key);
    this.listener.onUnwanted(topic);
  }
}
