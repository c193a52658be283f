import { ClusterError } from '../../cluster/common/errors.js';

/**
 * A node is not configured, or no longer configured, to publish the keyspace events that you subscribed to.
 * The subscription would receive nothing.
 */
export class KeyspaceEventsOffError extends ClusterError {
  /**
   * @param node `host:port`
   * @param lacking the letters that its `notify-keyspace-events` setting lacks
   */
  constructor(
    override readonly node: string,
    readonly lacking: string = 'KA',
  ) {
    super(
      `Node ${node} does not publish these keyspace events: its setting notify-keyspace-events lacks "${lacking}". ` +
        'Set it to K and the classes of the events: KA for nearly all events, or Kx for expired keys',
      { code: 'KEYSPACE_EVENTS_OFF' },
    );
  }
}

/** A buffer with `whenFull: 'error'` is full: messages arrive faster than their consumer takes them. */
export class BufferOverflowError extends ClusterError {
  /** @param size the number of messages that the buffer holds */
  constructor(readonly size: number) {
    super(`The buffer is full: more than ${size} messages are waiting for their consumer`, {
      code: 'BUFFER_OVERFLOW',
    });
  }
}

/**
 * A payload does not match its schema. The schema's own messages are left out, as they may repeat parts of
 * the payload.
 */
export class InvalidPayloadError extends ClusterError {
  /** @param paths the paths in the payload that do not match; an empty path stands for the whole payload */
  constructor(readonly paths: readonly string[]) {
    const places = paths.filter((path) => path !== '');
    super(`The payload does not match its schema${places.length > 0 ? ` at ${places.join(', ')}` : ''}`, {
      code: 'INVALID_PAYLOAD',
    });
  }
}
