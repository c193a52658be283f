import { Observable, share, Subject } from 'rxjs';
import type { ChannelName, ClusterMessage, UnreadableMessage } from '../subscriptions/cluster-message.js';
import { countBuffersOf } from '../buffers/message-source.js';
import type { MessageCodec } from './message-codec.js';
import { InOrder } from './in-order.js';
import type { PubSubCounters } from '../../cluster/stats/pubsub-counters.js';
import type { MessageOrGap } from './message-options.js';
import type { SubscriptionKind } from '../subscriptions/subscription-kind.js';
import type { SubscriptionName } from '../subscriptions/subscription-name.js';
import type { SubscriptionRegistry } from '../subscriptions/subscription-registry.js';
import { isThenable } from '../common/thenable.js';
import type { Topic } from '../subscriptions/topic.js';

/** The names of a message. */
type Envelope = Pick<UnreadableMessage, 'channel' | 'pattern'>;

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

  /** Subscribers of one observable share its decoded messages. */
  observe(
    kind: SubscriptionKind,
    names: readonly SubscriptionName[],
    codec: MessageCodec,
  ): Observable<MessageOrGap<unknown, ChannelName>> {
    // each observable returns names in the form in which it was given them
    const forms = new Map(names.map(({ key, given }) => [key, given]));
    const formOf = ({ name }: Topic): ChannelName => forms.get(name.key) as ChannelName;
    const messages = new Observable<MessageOrGap<unknown, ChannelName>>((subscriber) => {
      const emit = (item: MessageOrGap<unknown, ChannelName> | undefined): void => {
        if (item !== undefined) subscriber.next(item);
      };
      const inOrder = new InOrder(emit);
      const { detach } = this.registry.attach(kind, names, {
        onMessage: (topic, channel, payload) =>
          inOrder.push(this.decodeMessage(envelopeOf(topic, formOf(topic), channel), payload, codec)),
        onGap: (topics, gap) => inOrder.push({ ...gap, names: topics.map(formOf) }),
        onError: (error) => subscriber.error(error),
        onClosed: () => subscriber.complete(),
      });
      return detach;
    });
    return countBuffersOf(messages, this.counters).pipe(share());
  }

  /** Returns undefined if the codec cannot decode the payload. */
  private decodeMessage(
    envelope: Envelope,
    raw: Buffer,
    codec: MessageCodec,
  ): Promise<DecodedMessage | undefined> | DecodedMessage | undefined {
    const receivedAt = Date.now();
    const unreadable = (error: unknown): undefined =>
      this.reportUnreadable({ ...envelope, raw, error, receivedAt }, codec);
    try {
      const payload = codec.decode(raw);
      const headers = codec.headers?.(raw);
      const message =
        headers === undefined ? { ...envelope, receivedAt } : { ...envelope, receivedAt, headers };
      if (!isThenable(payload)) return { ...message, payload };
      return Promise.resolve(payload).then((value) => ({ ...message, payload: value }), unreadable);
    } catch (error) {
      return unreadable(error);
    }
  }

  private reportUnreadable(message: UnreadableMessage, codec: MessageCodec): undefined {
    const { raw } = message;
    if (this.reported.raw !== raw) this.reported = { raw, codecs: new Set() };
    if (this.reported.codecs.has(codec)) return;
    this.reported.codecs.add(codec);
    this.counters.unreadable++;
    this.unreadable.next(message);
  }
}

function envelopeOf({ kind }: Topic, given: ChannelName, channel: Buffer): Envelope {
  if (kind !== 'pattern') return { channel: given };
  return { channel: typeof given === 'string' ? channel.toString() : channel, pattern: given };
}
