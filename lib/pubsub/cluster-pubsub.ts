import { inspect } from 'node:util';
import type { Observable } from 'rxjs';
import { ClientClosedError, InvalidArgumentError } from '../cluster/common/errors.js';
import { describeKind, describeValue } from '../cluster/common/describe-value.js';
import { checkOptionNames } from '../cluster/common/check-option-names.js';
import type { ChannelName, UnreadableMessage } from './subscriptions/cluster-message.js';
import { resolveCodec, type Codec } from './messages/codec.js';
import { type MessageCodec } from './messages/message-codec.js';
import { Introspection } from './introspection.js';
import { KeyspaceStreams, type KeyspaceEvent } from './keyspace/keyspace-streams.js';
import {
  type ChannelNames,
  type MessageOptions,
  type Subscribe,
  type ObserveOptions,
} from './messages/message-options.js';
import { MessageStreams } from './messages/message-streams.js';
import {
  Publisher,
  type Publication,
  type PublishCommand,
  type PublishResult,
} from './messages/publisher.js';
import type { PubSubEngine } from './common/pubsub-engine.js';
import { Reconciler } from './links/reconciler.js';
import type { SubscriptionGap } from './subscriptions/subscription-gap.js';
import type { SubscriptionKind } from './subscriptions/subscription-kind.js';
import { readNames } from './subscriptions/subscription-name.js';

/** Which keys and events `keyspace()` observes. */
export interface KeyspaceOptions<N extends ChannelName = string> {
  /** A glob-style pattern of keys, or several patterns. */
  pattern: ChannelNames<N>;
  /** The events to receive, by their names in Redis: `expired`, `del`, `set`, …. Default: all. */
  events?: string | readonly string[] | undefined;
}

/** The options of a `ClusterPubSub`. */
export interface ClusterPubSubOptions {
  /** The codec of calls that pass none. Default `json`. */
  codec?: Codec | undefined;
  /** The interval between pings on a subscriber connection, in ms. */
  heartbeatMs: number;
}

/**
 * Publishes and subscribes. Observables are cold: the first subscriber of a name subscribes on a server, the
 * last one to leave unsubscribes, and all others share the subscription. A lost subscription is restored, on
 * another node if needed, and `gaps$` reports the interval in which messages may be missing.
 *
 * An observable fails with a ReplyError if the server forbids a name (`NOPERM`), and with the error of
 * `connect()` if the cluster cannot be reached. It completes when pub/sub is closed. Messages of one channel
 * arrive in the order in which a publisher sends them, if it awaits each `publish`; while the slot of the channel gets
 * another primary, servers may swap them.
 */
export class ClusterPubSub {
  private readonly reconciler: Reconciler;
  private readonly streams: MessageStreams;
  private readonly keyspaces: KeyspaceStreams;
  private readonly introspection: Introspection;
  private readonly publisher: Publisher;
  private readonly codec: MessageCodec;
  private closed = false;

  /** Messages that a codec could not decode. Their streams continue. */
  readonly errors$: Observable<UnreadableMessage>;
  /**
   * Intervals in which messages may have been missed, each reported once the subscription is active again.
   */
  readonly gaps$: Observable<SubscriptionGap>;

  /** @throws InvalidArgumentError for an invalid codec */
  constructor(engine: PubSubEngine, options: ClusterPubSubOptions) {
    this.codec = resolveCodec(options.codec ?? 'json');
    this.reconciler = new Reconciler(engine, options.heartbeatMs);
    const { registry } = this.reconciler;
    const { pubsub } = engine.counters;
    pubsub.readSubscriptions = () => registry.gauges();
    this.streams = new MessageStreams(registry, pubsub);
    this.keyspaces = new KeyspaceStreams(engine, this.reconciler);
    this.introspection = new Introspection(engine);
    this.publisher = new Publisher(engine);
    this.errors$ = this.streams.unreadable.asObservable();
    this.gaps$ = this.reconciler.gaps$.asObservable();
  }

  /**
   * Returns the messages of one channel, or of several. Every node forwards them; each channel is subscribed
   * on one node.
   * @throws InvalidArgumentError for no name, an empty name, or an invalid codec
   */
  readonly channel: Subscribe = (names: ChannelNames<ChannelName>, options?: ObserveOptions) =>
    this.observe('channel', names, options);

  /**
   * Returns the messages of all channels that match a glob-style pattern, or any of several patterns. A
   * message whose channel matches two of the patterns arrives twice.
   * @throws InvalidArgumentError for no pattern, an empty pattern, or an invalid codec
   */
  readonly pattern: Subscribe = (patterns: ChannelNames<ChannelName>, options?: ObserveOptions) =>
    this.observe('pattern', patterns, options);

  /**
   * Returns the messages of one sharded channel, or of several: those that `publishSharded` publishes. They
   * stay in the shard of the channel's slot, so they do not load the other shards. Needs Redis 7.
   * @throws InvalidArgumentError for no name, an empty name, or an invalid codec
   */
  readonly sharded: Subscribe = (names: ChannelNames<ChannelName>, options?: ObserveOptions) =>
    this.observe('sharded', names, options);

  /**
   * Returns the events of all keys that match a glob-style pattern, or any of several patterns. It follows
   * every primary, also after failovers. The setting `notify-keyspace-events` of the servers must contain K
   * and the classes of the events (`KA` for nearly all). Keys are named as on the server: with `keyPrefix`,
   * they start with it. Redis sends an event once, to the subscribers of that moment, so do not depend on
   * events for correctness.
   *
   * The observable fails with KeyspaceEventsOffError if a primary reports a setting that lacks these classes.
   * @throws InvalidArgumentError for no pattern, an empty pattern, or an empty list of events
   */
  keyspace<N extends ChannelName = string>(options: KeyspaceOptions<N>): Observable<KeyspaceEvent<N>> {
    checkOptionNames('keyspace()', options, ['pattern', 'events']);
    const { pattern, events } = options;
    const wanted = events === undefined ? undefined : new Set([events].flat());
    if (wanted?.size === 0 || wanted?.has('')) {
      throw new InvalidArgumentError(
        'events',
        '"events" must name at least one event, got an empty list or name. Leave it out for all events',
      );
    }
    return this.keyspaces.observe(readNames(pattern), wanted) as Observable<KeyspaceEvent<N>>;
  }

  /**
   * Publishes a value to a channel, through the primary of the channel's slot. With `requireFullCoverage:
   * false`, another primary is used while that one cannot be reached.
   * @returns the number of subscribers on that node; subscribers on other nodes receive the message too but
   *   are not counted
   * @throws InvalidArgumentError for an empty name, or a value that the codec cannot encode; any error of
   *   your own codec; any error of a command. If the reply is lost, it is OutcomeUnknownError and nothing is
   *   sent again, unless the client's `retry` is `always`
   */
  publish<T>(channel: ChannelName, value: T, options?: MessageOptions<T>): Promise<number> {
    return this.publishOne('publish', { channel, value }, options);
  }

  /**
   * Publishes several values, in one batch per node and in order for each channel. If any message is invalid,
   * nothing is sent.
   * @returns for each message, in order, the count that `publish` returns, or the error that it would reject
   *   with
   * @throws InvalidArgumentError for an empty name, or a value that the codec cannot encode; any error of
   *   your own codec
   */
  publishMany<T>(messages: readonly Publication<T>[], options?: MessageOptions<T>): Promise<PublishResult[]> {
    return this.publishBatch('publish', messages, options);
  }

  /**
   * Publishes a value to a sharded channel. Needs Redis 7.
   * @returns the number of subscribers on the slot's primary; subscribers on its replicas receive the message
   *   too but are not counted
   * @throws like `publish`
   */
  publishSharded<T>(channel: ChannelName, value: T, options?: MessageOptions<T>): Promise<number> {
    return this.publishOne('spublish', { channel, value }, options);
  }

  /** Publishes several values to sharded channels, like `publishMany`. Needs Redis 7. */
  publishManySharded<T>(
    messages: readonly Publication<T>[],
    options?: MessageOptions<T>,
  ): Promise<PublishResult[]> {
    return this.publishBatch('spublish', messages, options);
  }

  /**
   * Resolves once the servers have confirmed all current subscriptions, or those of the given names. Messages
   * published from then on arrive.
   * @throws InvalidArgumentError if a name has no subscriber; the error of an observable that fails;
   *   ClientClosedError
   */
  async ready(names?: ChannelNames<ChannelName>): Promise<void> {
    await this.reconciler.ready(names === undefined ? undefined : readNames(names));
  }

  /** Returns the channels with subscribers on any node: those that match a glob-style pattern, or all. */
  channels(pattern?: string): Promise<string[]> {
    return this.introspection.channels('channels', pattern);
  }

  /**
   * Returns how many connections on all nodes subscribe to each of these channels. A client counts once per
   * channel.
   */
  numsub<N extends ChannelName>(channels: ChannelNames<N>): Promise<Map<N, number>> {
    return this.introspection.subscribers('numsub', channels);
  }

  /**
   * Returns how many patterns have subscribers. A pattern counts once per node that has subscribers for it.
   */
  numpat(): Promise<number> {
    return this.introspection.patterns();
  }

  /** Returns the sharded channels with subscribers, like `channels`. */
  shardChannels(pattern?: string): Promise<string[]> {
    return this.introspection.channels('shardchannels', pattern);
  }

  /** Returns how many connections subscribe to each of these sharded channels, like `numsub`. */
  shardNumsub<N extends ChannelName>(channels: ChannelNames<N>): Promise<Map<N, number>> {
    return this.introspection.subscribers('shardnumsub', channels);
  }

  /** Completes all observables and closes all subscriber connections. */
  async close(): Promise<void> {
    this.closed = true;
    await this.reconciler.close();
    this.streams.unreadable.complete();
  }

  /** What `util.inspect` shows: neither connections nor messages. */
  [inspect.custom](): string {
    return `ClusterPubSub { closed: ${this.closed} }`;
  }

  /** Returns the same for JSON. */
  toJSON(): { closed: boolean } {
    return { closed: this.closed };
  }

  private observe(
    kind: SubscriptionKind,
    names: ChannelNames<ChannelName>,
    options: ObserveOptions = {},
  ): Observable<never> {
    checkOptionNames(`${kind}()`, options, ['codec', 'gaps']);
    const { gaps = false, codec } = options;
    if (typeof gaps !== 'boolean')
      throw new InvalidArgumentError('gaps', `"gaps" must be true or false, got ${describeValue(gaps)}`);
    const messages = this.streams.observe(kind, readNames(names), this.codecOf({ codec }), gaps);
    // the caller chooses the types of payloads and names; see `Subscribe`
    return messages as Observable<never>;
  }

  private async publishOne<T>(
    command: PublishCommand,
    publication: Publication<T>,
    options: MessageOptions<T> = {},
  ): Promise<number> {
    if (this.closed) throw new ClientClosedError();
    return this.publisher.publishOne(command, publication, this.codecOf(options));
  }

  private async publishBatch<T>(
    command: PublishCommand,
    messages: readonly Publication<T>[],
    options: MessageOptions<T> = {},
  ): Promise<PublishResult[]> {
    if (this.closed) throw new ClientClosedError();
    const wrong = Array.isArray(messages)
      ? messages.findIndex((one) => typeof one !== 'object' || one === null)
      : undefined;
    if (wrong !== -1) {
      const given = wrong === undefined ? describeKind(messages) : `${describeKind(messages[wrong])} in it`;
      throw new InvalidArgumentError(
        'messages',
        `"messages" must be a list of { channel, value }, got ${given}`,
      );
    }
    return this.publisher.publishMany(command, messages, this.codecOf(options));
  }

  private codecOf(options: MessageOptions): MessageCodec {
    checkOptionNames('a message', options, ['codec']);
    const { codec } = options;
    return codec === undefined ? this.codec : resolveCodec(codec);
  }
}
