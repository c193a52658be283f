import type { ChannelName } from './cluster-message.js';
import type { SubscriptionKind } from './subscription-kind.js';

/**
 * Why a subscription was interrupted.
 * - `connectionLost`: the connection to the node ended
 * - `nodeSilent`: nothing arrived from the node for twice the heartbeat interval
 * - `nodeLeft`: the node is no longer part of the cluster
 * - `slotMoved`: the slot that the node served has another primary
 * - `credentialsRenewed`: a connection that could not authenticate again was replaced; only on servers
 *   without RESP3
 */
export type GapReason = 'connectionLost' | 'nodeSilent' | 'nodeLeft' | 'slotMoved' | 'credentialsRenewed';

/** Since when, and why, messages may be missing. */
export interface Loss {
  /** The node that served the subscription, `host:port`. */
  readonly node: string;
  /** The start of the interval, in ms since 1970. */
  readonly since: number;
  /** Why the subscription was interrupted. */
  readonly reason: GapReason;
}

/** An interval in which messages may have been missed, reported once the subscription is active again. */
export interface SubscriptionGap extends Loss {
  /** The kind of the subscription. */
  readonly kind: SubscriptionKind;
  /** The channels or patterns concerned, as they were given. */
  readonly names: readonly ChannelName[];
  /** When the subscription was active again, in ms since 1970. */
  readonly until: number;
}
