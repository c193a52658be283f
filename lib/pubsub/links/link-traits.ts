import type { LinkKind } from '../subscriptions/subscription-kind.js';

/** How the connections of one kind differ from the others. */
export interface LinkTraits {
  /** Messages are guaranteed only while the node is a primary. */
  readonly primaryOnly: boolean;
  /** The setting of the node that decides which messages it publishes. */
  readonly setting?: string;
}

export const LINKS: Readonly<Record<LinkKind, LinkTraits>> = {
  classic: { primaryOnly: false },
  sharded: { primaryOnly: true },
  keyspace: { primaryOnly: true, setting: 'notify-keyspace-events' },
};
