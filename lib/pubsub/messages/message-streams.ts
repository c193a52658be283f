import { Subject, type Observable } from 'rxjs';
import type { ChannelName, ClusterMessage, UnreadableMessage } from '../subscriptions/cluster-message.js';
import { countBuffersOf } from '../buffers/message-source.js';
import type { MessageCodec } from './message-codec.js';
import { InOrder } from './in-order.js';
import { readerOf } from './codec.js';
import { sharedObservable } from './shared-observable.js';
import type { IncomingMessage } from '../subscriptions/incoming-message.js';
import type { PubSubCounters } from '../../cluster/stats/pubsub-counters.js';
import type { MessageOrGap } from './message-options.js';
import type { SubscriptionKind } from '../subscriptions/subscription-kind.js';
import { formsByKey, type SubscriptionName } from '../subscriptions/subscription-name.js';
import type { SubscriptionRegistry } from '../subscriptions/subscription-registry.js';
import { isThenable } from '../common/thenable.js';
import type { Topic } from '../subscriptions/topic.js';

type DecodedMessage = ClusterMessage<unknown, ChannelName>;

/** Creates observables of decoded messages. */
export class MessageStreams {
  /** Messages that a codec could not decode. */
  readonly unreadable = new Subject<UnreadableMessage>();

  constructor(
    private readonly registry: SubscriptionRegistry,
    private readonly counters: PubSubCounters,
  ) {}

  /**
   * The payload last reported as unreadable, and the codecs that reported it: each codec reports a message once.
   */
  private reported: { raw?: Buffer; readonly codecs: Set<MessageCodec> } = { codecs: new Set() };

  /**
   * Subscribers of one observable share its decoded messages.
   * @param withGaps whether gaps are among them
   */
  observe(
    kind: SubscriptionKind,
    names: readonly SubscriptionName[],
    codec: MessageCodec,
    withGaps: boolean,
  ): Observable<MessageOrGap<unknown, ChannelName>> {
    const formOf = formsOf(names);
    const decode = this.decoderOf(kind, formOf, codec);
    const messages = sharedObservable<MessageOrGap<unknown, ChannelName>>((subscribers) => {
      const inOrder = new InOrder((item: MessageOrGap<unknown, ChannelName> | undefined) => {
        if (item !== undefined) subscribers.next(item);
      });
      const { detach } = this.registry.attach(kind, names, {
        onMessage: (topic, message) => inOrder.push(decode(topic, message)),
        onGap: (topics, gap) => {
          if (withGaps) inOrder.push({ ...gap, names: topics.map(formOf) });
        },
        onError: (error) => subscribers.error(error),
        onClosed: () => subscribers.complete(),
      });
      return detach;
    });
    return countBuffersOf(messages, this.counters);
  }

  /** Returns a function that decodes a message; undefined for one that the codec cannot decode. */
  private decoderOf(
    kind: SubscriptionKind,
    formOf: (topic: Topic) => ChannelName,
    codec: MessageCodec,
  ): (
    topic: Topic,
    message: IncomingMessage,
  ) => Promise<DecodedMessage | undefined> | DecodedMessage | undefined {
    const read = readerOf(codec);
    const envelope = ENVELOPES[kind === 'pattern' ? 'pattern' : 'channel'];
    return (topic, message) => {
      const form = formOf(topic);
      let payload: unknown;
      let headers: DecodedMessage['headers'];
      let isPending: boolean;
      try {
        payload = read(message);
        headers = codec.headers?.(message.payload());
        // looks at a property of the payload, which may throw as well
        isPending = isThenable(payload);
      } catch (error) {
        return this.reportUnreadable(envelope(form, message, undefined), message.payload(), error, codec);
      }
      const decoded = envelope(form, message, payload);
      if (headers !== undefined) decoded.headers = headers;
      if (!isPending) return decoded;
      const raw = message.payload();
      return Promise.resolve(payload).then(
        (value) => ({ ...decoded, payload: value }),
        (error: unknown) => this.reportUnreadable(decoded, raw, error, codec),
      );
    };
  }

  private reportUnreadable(
    { channel, pattern, receivedAt }: DecodedMessage,
    raw: Buffer,
    error: unknown,
    codec: MessageCodec,
  ): undefined {
    if (this.reported.raw !== raw) this.reported = { raw, codecs: new Set() };
    if (this.reported.codecs.has(codec)) return;
    this.reported.codecs.add(codec);
    this.counters.unreadable++;
    const names = pattern === undefined ? { channel } : { channel, pattern };
    this.unreadable.next({ ...names, raw, error, receivedAt });
  }
}

type MutableMessage = { -readonly [K in keyof DecodedMessage]: DecodedMessage[K] };

/** Creates messages, each from one literal: put together from parts they take three times as long. */
const ENVELOPES: Readonly<
  Record<
    'channel' | 'pattern',
    (form: ChannelName, message: IncomingMessage, payload: unknown) => MutableMessage
  >
> = {
  channel: (channel, { receivedAt }, payload) => ({ channel, receivedAt, payload }),
  pattern: (pattern, message, payload) => ({
    channel: typeof pattern === 'string' ? message.channelText() : message.channel(),
    pattern,
    receivedAt: message.receivedAt,
    payload,
  }),
};

/** Returns the name of a topic in the form in which it was given here; others may have given it in another form. */
function formsOf(names: readonly SubscriptionName[]): (topic: Topic) => ChannelName {
  if (names.length === 1) return () => names[0].given;
  const allText = names.every(({ given }) => typeof given === 'string');
  // made only if somebody gave a name in the other form
  let forms: Map<string, ChannelName> | undefined;
  return ({ name }) => {
    if (allText && typeof name.given === 'string') return name.given;
    forms ??= formsByKey(names);
    return forms.get(name.key) as ChannelName;
  };
}
