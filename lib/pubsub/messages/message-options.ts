import type { Observable } from 'rxjs';
import type { ChannelName, ClusterMessage } from '../subscriptions/cluster-message.js';
import type { Codec } from './codec.js';
import type { SubscriptionGap } from '../subscriptions/subscription-gap.js';

/** One name, or several names. */
export type ChannelNames<N extends ChannelName> = N | readonly N[];

/** Options for publishing and subscribing. */
export interface MessageOptions<T = unknown> {
  /** Encodes or decodes the payloads. Default: the client's codec. */
  codec?: Codec<T> | undefined;
}

/** Options for subscribing. */
export interface ObserveOptions<T = unknown> extends MessageOptions<T> {
  /** Whether the stream also contains each gap, at the point where it ends; see `isGap`. Default false. */
  gaps?: boolean | undefined;
}

/** An item of a stream with gaps. */
export type MessageOrGap<T = unknown, N extends ChannelName = string> =
  ClusterMessage<T, N> | SubscriptionGap;

/** Returns whether an item of a stream with gaps is a gap rather than a message. */
export function isGap(item: object): item is SubscriptionGap {
  return 'until' in item && 'reason' in item && !('payload' in item);
}

/** Subscribes to names; the type of the payloads depends on the codec. */
export interface Subscribe {
  <N extends ChannelName = string>(
    names: ChannelNames<N>,
    options: { codec: 'text'; gaps: true },
  ): Observable<MessageOrGap<string, N>>;
  <N extends ChannelName = string>(
    names: ChannelNames<N>,
    options: { codec: 'binary'; gaps: true },
  ): Observable<MessageOrGap<Buffer, N>>;
  <T = unknown, N extends ChannelName = string>(
    names: ChannelNames<N>,
    options: MessageOptions<T> & { gaps: true },
  ): Observable<MessageOrGap<T, N>>;
  <N extends ChannelName = string>(
    names: ChannelNames<N>,
    options: { codec: 'text' },
  ): Observable<ClusterMessage<string, N>>;
  <N extends ChannelName = string>(
    names: ChannelNames<N>,
    options: { codec: 'binary' },
  ): Observable<ClusterMessage<Buffer, N>>;
  <T = unknown, N extends ChannelName = string>(
    names: ChannelNames<N>,
    options?: MessageOptions<T>,
  ): Observable<ClusterMessage<T, N>>;
}
