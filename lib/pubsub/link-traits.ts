import { ReplyError } from '../cluster/errors.js';
import type { ResolvedClusterOptions } from '../cluster/options.js';
import type { ClusterNode } from '../cluster/topology.js';
import { KeyspaceEventsOffError } from './pubsub-errors.js';
import type { SubscriberConnection } from './subscriber-connection.js';
import type { LinkKind } from './subscription-kind.js';

/** What is particular to the connections of one kind. */
export interface LinkTraits {
  /** What is other than for the client's connections. */
  readonly overrides: Partial<ResolvedClusterOptions>;
  /** Messages are sure to come only while the node is a primary. */
  readonly primaryOnly: boolean;
  /** Why the node is of no use, if so; asked before anything is subscribed to. */
  readonly unfitness?: (connection: SubscriberConnection, node: ClusterNode) => Promise<Error | undefined>;
}

/** In RESP2 a subscriber connection cannot be asked whether its node is a primary. */
export const LINKS: Readonly<Record<LinkKind, LinkTraits>> = {
  classic: { overrides: {}, primaryOnly: false },
  sharded: { overrides: { protocol: 3 }, primaryOnly: true },
  keyspace: { overrides: { protocol: 3 }, primaryOnly: true, unfitness: lackOfKeyspaceEvents },
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
