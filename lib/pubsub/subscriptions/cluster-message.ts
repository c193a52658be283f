/** The name of a channel, or a pattern: text, or bytes. */
export type ChannelName = string | Buffer;

/** The form names come back in: text to those who gave text, bytes to those who gave bytes. */
export type NameForm<N extends ChannelName> = N extends string ? string : Buffer;

/** A message as a subscriber gets it. */
export interface ClusterMessage<T = unknown, N extends ChannelName = string> {
  /** The channel it was published to, in the form in which the name subscribed to was given. */
  readonly channel: NameForm<N>;
  /** The pattern that let it through, where a pattern was subscribed to. */
  readonly pattern?: NameForm<N>;
  /** What was published, as the codec reads it. */
  readonly payload: T;
  /** When it arrived here, in ms since 1970. */
  readonly receivedAt: number;
}

/** A message whose payload the codec could not read. */
export interface UnreadableMessage {
  readonly channel: ChannelName;
  readonly pattern?: ChannelName;
  /** The payload as it came. */
  readonly raw: Buffer;
  /** What the codec threw. */
  readonly error: unknown;
  /** When it arrived here, in ms since 1970. */
  readonly receivedAt: number;
}
