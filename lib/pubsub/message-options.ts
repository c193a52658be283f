import type { Observable } from 'rxjs';
import type { ChannelName, ClusterMessage } from './cluster-message.js';
import type { Codec } from './codec.js';

/** One name, or several. */
export type ChannelNames<N extends ChannelName> = N | readonly N[];

/** How payloads are read or written. */
export interface MessageOptions<T = unknown> {
  /** Instead of the client's codec. */
  codec?: Codec<T>;
}

/** Gives the messages of names; their type goes by the codec. */
export interface Subscribe {
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
