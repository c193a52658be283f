import type { LinkKind } from '../subscriptions/subscription-kind.js';

/** What is particular to the connections of one kind. */
export interface LinkTraits {
  /** Messages are sure to come only while the node is a primary. */
  readonly primaryOnly: boolean;
  /** The setting of the node that decides which messages come. */
  readonly setting?: string;
}

export const LINKS: Readonly<Record<LinkKind, LinkTraits>> = {
  classic: { primaryOnly: false },
  sharded: { primaryOnly: true },
  keyspace: { primaryOnly: true, setting: 'notify-keyspace-events' },
};
