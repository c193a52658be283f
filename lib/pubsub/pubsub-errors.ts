import { ClusterError } from '../cluster/errors.js';

/** A node is not configured to tell keyspace events, so a subscription to them would be silent for ever. */
export class KeyspaceEventsOffError extends ClusterError {
  constructor(readonly node: string) {
    super(
      `Node ${node} tells no keyspace events: its configuration notify-keyspace-events needs K and the classes of ` +
        'events wanted; KA stands for all, Kx for those of expired keys',
      { code: 'KEYSPACE_EVENTS_OFF' },
    );
  }
}
