/** The name of a channel, or a pattern, as a string or as bytes. */
export type ChannelName = string | Buffer;

/**
 * The form in which names are returned: strings for names given as strings, Buffers for names given as
 * Buffers.
 */
export type NameForm<N extends ChannelName> = N extends string ? string : Buffer;

/** A message as a subscriber receives it. */
export interface ClusterMessage<T = unknown, N extends ChannelName = string> {
  /** The channel it was published to: a string or a Buffer, like the name you subscribed to. */
  readonly channel: NameForm<N>;
  /** The pattern that matched, if you subscribed to a pattern. */
  readonly pattern?: NameForm<N>;
  /** The published value, decoded by the codec. */
  readonly payload: T;
  /** When it arrived, in ms since 1970: the time of the read of the socket that brought it. */
  readonly receivedAt: number;
  /** What the publisher sent beside the value, if the codec reads it; see `MessageCodec.headers`. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** A message whose payload the codec could not decode. */
export interface UnreadableMessage {
  /** The channel it was published to. */
  readonly channel: ChannelName;
  /** The pattern that matched, if you subscribed to a pattern. */
  readonly pattern?: ChannelName;
  /** The payload as it arrived. */
  readonly raw: Buffer;
  /** The error that the codec threw. */
  readonly error: unknown;
  /** When it arrived, in ms since 1970. */
  readonly receivedAt: number;
}
