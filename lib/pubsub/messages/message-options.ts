import type { Observable } from 'rxjs';
import type { ChannelName, ClusterMessage } from '../subscriptions/cluster-message.js';
import type { Codec } from './codec.js';
import type { SubscriptionGap } from '../subscriptions/subscription-gap.js';

/** One name, or several. */
export type ChannelNames<N extends ChannelName> = N | readonly N[];

/** How payloads are read or written. */
export interface MessageOptions<T = unknown> {
  /** Instead of the client's codec. */
  codec?: Codec<T> | undefined;
}

/** How messages are given. */
export interface ObserveOptions<T = unknown> extends MessageOptions<T> {
  /** Whether gaps are told in the stream as well, where they end; `isGap` tells them from messages. Default false. */
  gaps?: boolean | undefined;
}

/** What a stream with gaps gives. */
export type MessageOrGap<T = unknown, N extends ChannelName = string> =
  ClusterMessage<T, N> | SubscriptionGap;

/** Whether what a stream gives is a gap. */
export function isGap(item: object): item is SubscriptionGap {
  return 'until' in item && 'reason' in item && !('payload' in item);
}

/** Gives the messages of names; their type goes by the codec. */
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
