import type { PubSubStats } from './cluster-stats.js';
import { Counts } from './counts.js';

/** A buffer of messages. */
export interface MessageBuffer {
  /** Messages in it now. */
  readonly waiting: number;
}

/** The subscriptions that there are now. */
export type SubscriptionGauges = Pick<PubSubStats, 'subscriptions' | 'unconfirmed'>;

const NO_SUBSCRIPTIONS: SubscriptionGauges = {
  subscriptions: { channel: 0, pattern: 0, sharded: 0, keyspace: 0 },
  unconfirmed: 0,
};

/** Counts what concerns subscriptions. Pub/sub, its buffers and handlers add to it. */
export class PubSubCounters {
  messages = 0;
  unreadable = 0;
  dropped = 0;
  readonly gaps = new Counts();
  /** The buffers that are in use. */
  readonly buffers = new Set<MessageBuffer>();
  /** Tells the present subscriptions. The pub/sub of the client sets it. */
  readSubscriptions: () => SubscriptionGauges = () => NO_SUBSCRIPTIONS;

  snapshot(): PubSubStats {
    const { messages, unreadable, dropped } = this;
    let buffered = 0;
    for (const { waiting } of this.buffers) buffered += waiting;
    return {
      ...this.readSubscriptions(),
      messages,
      unreadable,
      gaps: this.gaps.snapshot(),
      dropped,
      buffered,
    };
  }
}
