import { Observable, share, Subject } from 'rxjs';
import type { ChannelName, ClusterMessage, UnreadableMessage } from './cluster-message.js';
import type { MessageCodec } from './codec.js';
import type { SubscriptionKind } from './subscription-kind.js';
import type { SubscriptionName } from './subscription-name.js';
import type { SubscriptionRegistry } from './subscription-registry.js';
import type { Topic } from './topic.js';

/** By which names a message came. */
type Envelope = Pick<UnreadableMessage, 'channel' | 'pattern'>;

/** Turns what comes by topics into observables of messages. */
export class MessageStreams {
  /** What no codec could read. */
  readonly unreadable = new Subject<UnreadableMessage>();

  constructor(private readonly registry: SubscriptionRegistry) {}

  /** Subscribers of one observable share what was decoded, and what could not be. */
  observe(
    kind: SubscriptionKind,
    names: readonly SubscriptionName[],
    codec: MessageCodec,
  ): Observable<ClusterMessage<unknown, ChannelName>> {
    // each observable names a topic in its own form
    const forms = new Map(names.map(({ key, given }) => [key, given]));
    return new Observable<ClusterMessage<unknown, ChannelName>>((subscriber) =>
      this.registry.attach(kind, names, {
        onMessage: (topic, channel, payload) => {
          const envelope = envelopeOf(topic, forms.get(topic.name.key) as ChannelName, channel);
          const message = this.read(envelope, payload, codec);
          if (message !== undefined) subscriber.next(message);
        },
        onError: (error) => subscriber.error(error),
        onClosed: () => subscriber.complete(),
      }),
    ).pipe(share());
  }

  private read(
    envelope: Envelope,
    raw: Buffer,
    codec: MessageCodec,
  ): ClusterMessage<unknown, ChannelName> | undefined {
    const receivedAt = Date.now();
    try {
      return { ...envelope, payload: codec.decode(raw), receivedAt };
    } catch (error) {
      this.unreadable.next({ ...envelope, raw, error, receivedAt });
      return undefined;
    }
  }
}

function envelopeOf({ kind }: Topic, given: ChannelName, channel: Buffer): Envelope {
  if (kind !== 'pattern') return { channel: given };
  return { channel: typeof given === 'string' ? channel.toString() : channel, pattern: given };
}
