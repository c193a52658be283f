import { inspect } from 'node:util';
import { filter, type Observable } from 'rxjs';
import { ClientClosedError, InvalidArgumentError } from '../cluster/common/errors.js';
import { checkOptionNames } from '../cluster/common/check-option-names.js';
import type { ChannelName, UnreadableMessage } from './subscriptions/cluster-message.js';
import { resolveCodec, type Codec } from './messages/codec.js';
import { type MessageCodec } from './messages/message-codec.js';
import { Introspection } from './introspection.js';
import { KeyspaceStreams, type KeyspaceEvent } from './keyspace/keyspace-streams.js';
import {
  isGap,
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

/** Which keys, and what of them. */
export interface KeyspaceOptions<N extends ChannelName = string> {
  /** Glob-style pattern of keys, or several. */
  pattern: ChannelNames<N>;
  /** The events wanted, as servers call them: `expired`, `del`, `set`, …. Default: all. */
  events?: string | readonly string[] | undefined;
}

/** What pub/sub is made from. */
export interface ClusterPubSubOptions {
  /** For whoever names no other. Default `json`. */
  codec?: Codec | undefined;
  /** How often subscriber connections are asked for a sign of life, in ms. */
  heartbeatMs: number;
}

/**
 * Publishing and subscribing. Observables are cold: the first subscriber makes the subscription at a server, the last
 * one to leave ends it, and all others share it. A subscription that is lost is made again, elsewhere if need be, and
 * `gaps$` says what may have been missed.
 *
 * An observable fails with a ReplyError where the server does not allow a name (`NOPERM`), and with what `connect()`
 * throws where the cluster cannot be found; it completes when pub/sub is closed. Messages of one channel arrive in the
 * order of a publisher that awaits each `publish`.
 */
export class ClusterPubSub {
  private readonly reconciler: Reconciler;
  private readonly streams: MessageStreams;
  private readonly keyspaces: KeyspaceStreams;
  private readonly introspection: Introspection;
  private readonly publisher: Publisher;
  private readonly codec: MessageCodec;
  private closed = false;

  /** Messages that a codec could not read; the streams they belong to go on. */
  readonly errors$: Observable<UnreadableMessage>;
  /** Times in which messages may have been missed, told once the subscription is active again. */
  readonly gaps$: Observable<SubscriptionGap>;

  /** @throws InvalidArgumentError for an unknown codec */
  constructor(engine: PubSubEngine, options: ClusterPubSubOptions) {
    this.codec = resolveCodec(options.codec ?? 'json');
    this.reconciler = new Reconciler(engine, options.heartbeatMs);
    this.streams = new MessageStreams(this.reconciler.registry);
    this.keyspaces = new KeyspaceStreams(engine, this.reconciler);
    this.introspection = new Introspection(engine);
    this.publisher = new Publisher(engine);
    this.errors$ = this.streams.unreadable.asObservable();
    this.gaps$ = this.reconciler.gaps$.asObservable();
  }

  /**
   * Messages of one channel, or of several. Every node passes them on; each channel is subscribed to at one of them.
   * @throws InvalidArgumentError for no name, an empty name, or an unknown codec
   */
  readonly channel: Subscribe = (names: ChannelNames<ChannelName>, options?: ObserveOptions) =>
    this.observe('channel', names, options);

  /**
   * Messages of all channels that a glob-style pattern matches, or one of several. A channel that two of the patterns
   * match comes twice.
   * @throws InvalidArgumentError for no pattern, an empty one, or an unknown codec
   */
  readonly pattern: Subscribe = (patterns: ChannelNames<ChannelName>, options?: ObserveOptions) =>
    this.observe('pattern', patterns, options);

  /**
   * Messages of one sharded channel, or of several. They stay in the shard of the channel's slot, and so do not burden
   * the others; only what `publishSharded` sends comes here. Needs Redis 7.
   * @throws InvalidArgumentError for no name, an empty name, or an unknown codec
   */
  readonly sharded: Subscribe = (names: ChannelNames<ChannelName>, options?: ObserveOptions) =>
    this.observe('sharded', names, options);

  /**
   * What happens to keys that a glob-style pattern matches, or one of several: told by every primary, whichever nodes
   * these are. Servers tell it where `notify-keyspace-events` has a K and the classes of the events (`KA` for all).
   * Names of keys are the servers': with `keyPrefix` they begin with it. An event is told once, to who listens then, so
   * nothing that must be right should rest on it.
   *
   * The observable fails with KeyspaceEventsOffError where a primary is not configured so, as far as it tells.
   * @throws InvalidArgumentError for no pattern, an empty one, or no event
   */
  keyspace<N extends ChannelName = string>(options: KeyspaceOptions<N>): Observable<KeyspaceEvent<N>> {
    checkOptionNames('keyspace()', options, ['pattern', 'events']);
    const { pattern, events } = options;
    const wanted = events === undefined ? undefined : new Set([events].flat());
    if (wanted?.size === 0 || wanted?.has('')) {
      throw new InvalidArgumentError('events', 'Name at least one event, or leave them out for all');
    }
    return this.keyspaces.observe(readNames(pattern), wanted) as Observable<KeyspaceEvent<N>>;
  }

  /**
   * Publishes a value to a channel, through the primary of the channel's slot. With `requireFullCoverage: false`, it
   * goes through another primary while that one is out of reach.
   * @returns how many subscribers that one node has; those of other nodes get the message too, and are not counted
   * @throws InvalidArgumentError for an empty name, or a value the codec does not take; what a codec of yours throws;
   *   what any command throws, OutcomeUnknownError among it: where the answer is lost, nothing is sent again, unless the
   *   client's `retry` is `always`
   */
  publish<T>(channel: ChannelName, value: T, options?: MessageOptions<T>): Promise<number> {
    return this.publishOne('publish', { channel, value }, options);
  }

  /**
   * Publishes many values, in one batch a node and in order for each channel. Nothing is sent where one of them cannot be.
   * @returns for each, in their order, the count that `publish` gives, or the error it would reject with
   * @throws InvalidArgumentError for an empty name, or a value the codec does not take; what a codec of yours throws
   */
  publishMany<T>(messages: readonly Publication<T>[], options?: MessageOptions<T>): Promise<PublishResult[]> {
    return this.publishBatch('publish', messages, options);
  }

  /**
   * Publishes a value to a sharded channel. Needs Redis 7.
   * @returns how many subscribers the slot's primary has; those of its replicas get the message too, and are not counted
   * @throws as `publish`
   */
  publishSharded<T>(channel: ChannelName, value: T, options?: MessageOptions<T>): Promise<number> {
    return this.publishOne('spublish', { channel, value }, options);
  }

  /** As `publishMany`, to sharded channels. Needs Redis 7. */
  publishManySharded<T>(
    messages: readonly Publication<T>[],
    options?: MessageOptions<T>,
  ): Promise<PublishResult[]> {
    return this.publishBatch('spublish', messages, options);
  }

  /**
   * Resolves once the server has confirmed every subscription that is wanted at this moment, or those of the given
   * names: what is published from then on arrives.
   * @throws InvalidArgumentError where nobody subscribes to a name; what the observables fail with; ClientClosedError
   */
  async ready(names?: ChannelNames<ChannelName>): Promise<void> {
    await this.reconciler.ready(names === undefined ? undefined : readNames(names));
  }

  /** Channels that anybody subscribes to, on any node: those that a glob-style pattern matches, or all. */
  channels(pattern?: string): Promise<string[]> {
    return this.introspection.channels('channels', pattern);
  }

  /** How many connections subscribe to each of these channels, over all nodes. A client has one, whoever shares it. */
  numsub<N extends ChannelName>(channels: ChannelNames<N>): Promise<Map<N, number>> {
    return this.introspection.subscribers('numsub', channels);
  }

  /** How many patterns are subscribed to. One that several nodes have subscribers for counts once for each. */
  numpat(): Promise<number> {
    return this.introspection.patterns();
  }

  /** As `channels`, for sharded ones. */
  shardChannels(pattern?: string): Promise<string[]> {
    return this.introspection.channels('shardchannels', pattern);
  }

  /** As `numsub`, for sharded channels. */
  shardNumsub<N extends ChannelName>(channels: ChannelNames<N>): Promise<Map<N, number>> {
    return this.introspection.subscribers('shardnumsub', channels);
  }

  /** Completes all observables and ends all connections. */
  async close(): Promise<void> {
    this.closed = true;
    await this.reconciler.close();
    this.streams.unreadable.complete();
  }

  /** What `util.inspect` shows: neither connections nor what passes over them. */
  [inspect.custom](): string {
    return `ClusterPubSub { closed: ${this.closed} }`;
  }

  /** The same for JSON. */
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
    const items = this.streams.observe(kind, readNames(names), this.codecOf({ codec }));
    // the type of payloads and names is the caller's to say; see `Subscribe`
    return (gaps ? items : items.pipe(filter((item) => !isGap(item)))) as Observable<never>;
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
    if (!Array.isArray(messages) || messages.some((one) => typeof one !== 'object' || one === null)) {
      throw new InvalidArgumentError('messages', 'Messages are given as a list of { channel, value }');
    }
    return this.publisher.publishMany(command, messages, this.codecOf(options));
  }

  private codecOf(options: MessageOptions): MessageCodec {
    checkOptionNames('a message', options, ['codec']);
    const { codec } = options;
    return codec === undefined ? this.codec : resolveCodec(codec);
  }
}
