import { ClusterError } from '../../cluster/common/errors.js';

/**
 * A node is not configured to tell the keyspace events that are wanted, or is not any more, so a subscription to them
 * would be silent.
 */
export class KeyspaceEventsOffError extends ClusterError {
  /**
   * @param node `host:port`
   * @param lacking what its `notify-keyspace-events` lacks, as letters
   */
  constructor(
    readonly node: string,
    readonly lacking: string = 'KA',
  ) {
    super(
      `Node ${node} tells no keyspace events of the kind that is wanted: its configuration notify-keyspace-events lacks ` +
        `${lacking}. It needs K and the classes of these events; KA stands for nearly all of them, Kx for those of expired keys`,
      { code: 'KEYSPACE_EVENTS_OFF' },
    );
  }
}

/** More messages came than may wait for their consumer, who wanted an error rather than missing some. */
export class BufferOverflowError extends ClusterError {
  constructor(readonly size: number) {
    super(`More than ${size} messages wait for their consumer`, { code: 'BUFFER_OVERFLOW' });
  }
}

/** A payload is not what its schema wants. The payload is not shown: what schemas say of it may repeat what is in it. */
export class InvalidPayloadError extends ClusterError {
  /** @param paths where in the payload something is wrong; an empty one is the payload as a whole */
  constructor(readonly paths: readonly string[]) {
    const places = paths.filter((path) => path !== '');
    super(`The payload does not fit its schema${places.length > 0 ? ` at ${places.join(', ')}` : ''}`, {
      code: 'INVALID_PAYLOAD',
    });
  }
}
