import { ReplyError } from '../cluster/errors.js';
import type { ClusterNode } from '../cluster/topology.js';
import { KeyspaceEventsOffError } from './pubsub-errors.js';
import type { SubscriberConnection } from './subscriber-connection.js';
import type { LinkKind } from './subscription-kind.js';

/** What is particular to the connections of one kind. */
export interface LinkTraits {
  /** Messages are sure to come only while the node is a primary. */
  readonly primaryOnly: boolean;
  /** Why the node is of no use, if so; asked before anything is subscribed to. */
  readonly unfitness?: (connection: SubscriberConnection, node: ClusterNode) => Promise<Error | undefined>;
}

export const LINKS: Readonly<Record<LinkKind, LinkTraits>> = {
  classic: { primaryOnly: false },
  sharded: { primaryOnly: true },
  keyspace: { primaryOnly: true, unfitness: lackOfKeyspaceEvents },
};

/** Servers that do not tell what they are set to are given the benefit of the doubt. */
async function lackOfKeyspaceEvents(
  connection: SubscriberConnection,
  { name }: ClusterNode,
): Promise<Error | undefined> {
  try {
    const reply = await connection.ask('CONFIG', 'GET', 'notify-keyspace-events');
    const [, flags] = reply as (string | undefined)[];
    if (flags === undefined || (/K/.test(flags) && /[^KE]/.test(flags))) return undefined;
    return new KeyspaceEventsOffError(name);
  } catch (error) {
    if (error instanceof ReplyError) return undefined;
    throw error;
  }
}
