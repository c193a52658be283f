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

  /** What was given out as unreadable last, and by which codecs: observables with one codec make one report. */
  private reported: { raw?: Buffer; readonly codecs: Set<MessageCodec> } = { codecs: new Set() };

  /** Subscribers of one observable share what was decoded; each observable has its own. */
  observe(
    kind: SubscriptionKind,
    names: readonly SubscriptionName[],
    codec: MessageCodec,
  ): Observable<ClusterMessage<unknown, ChannelName>> {
    // each observable names a topic in its own form
    const forms = new Map(names.map(({ key, given }) => [key, given]));
    return new Observable<ClusterMessage<unknown, ChannelName>>((subscriber) => {
      const { detach } = this.registry.attach(kind, names, {
        onMessage: (topic, channel, payload) => {
          const envelope = envelopeOf(topic, forms.get(topic.name.key) as ChannelName, channel);
          const message = this.read(envelope, payload, codec);
          if (message !== undefined) subscriber.next(message);
        },
        onError: (error) => subscriber.error(error),
        onClosed: () => subscriber.complete(),
      });
      return detach;
    }).pipe(share());
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
      this.report({ ...envelope, raw, error, receivedAt }, codec);
      return undefined;
    }
  }

  private report(message: UnreadableMessage, codec: MessageCodec): void {
    const { raw } = message;
    if (this.reported.raw !== raw) this.reported = { raw, codecs: new Set() };
    if (this.reported.codecs.has(codec)) return;
    this.reported.codecs.add(codec);
    this.unreadable.next(message);
  }
}

function envelopeOf({ kind }: Topic, given: ChannelName, channel: Buffer): Envelope {
  if (kind !== 'pattern') return { channel: given };
  return { channel: typeof given === 'string' ? channel.toString() : channel, pattern: given };
}
