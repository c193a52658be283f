import type { ChannelName } from './cluster-message.js';
import type { SubscriptionKind } from './subscription-kind.js';

/**
 * - `connectionLost`: the connection to the node ended
 * - `nodeSilent`: there was no sign of life from the node
 * - `nodeLeft`: the node is no longer part of the cluster
 * - `slotMoved`: what was served by the node has another primary
 * - `credentialsRenewed`: a connection that could not be authenticated anew was replaced; servers without RESP3 only
 */
export type GapReason = 'connectionLost' | 'nodeSilent' | 'nodeLeft' | 'slotMoved' | 'credentialsRenewed';

/** Why and since when messages may be missing. */
export interface Loss {
  /** The node that served the subscription, `host:port`. */
  readonly node: string;
  /** In ms since 1970. */
  readonly since: number;
  readonly reason: GapReason;
}

/** A time in which messages may have been missed, told once the subscription is active again. */
export interface SubscriptionGap extends Loss {
  readonly kind: SubscriptionKind;
  /** The names concerned, as they were given. */
  readonly names: readonly ChannelName[];
  /** When the subscription was active again, in ms since 1970. */
  readonly until: number;
}
