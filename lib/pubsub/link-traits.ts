import { ReplyError as NodeReplyError, type Redis, type RedisOptions } from 'ioredis';
import type { ClusterNode } from '../cluster/topology.js';
import { KeyspaceEventsOffError } from './pubsub-errors.js';
import type { LinkKind } from './subscription-kind.js';

/** A peer that has died does not close its side, so the socket must not wait for it. */
const disconnectTimeout = 1;

/** What is particular to the connections of one kind. */
export interface LinkTraits {
  readonly overrides: RedisOptions;
  /** Messages are sure to come only while the node is a primary. */
  readonly primaryOnly: boolean;
  /** Why the node is of no use, if so; asked before anything is subscribed to. */
  readonly unfitness?: (redis: Redis, node: ClusterNode) => Promise<Error | undefined>;
}

/** In RESP2 a subscriber connection takes nothing but subscriptions and PING. */
export const LINKS: Readonly<Record<LinkKind, LinkTraits>> = {
  classic: { overrides: { disconnectTimeout }, primaryOnly: false },
  sharded: { overrides: { disconnectTimeout, protocol: 3 }, primaryOnly: true },
  keyspace: {
    overrides: { disconnectTimeout, protocol: 3 },
    primaryOnly: true,
    unfitness: lackOfKeyspaceEvents,
  },
};

/** Servers that do not tell what they are set to are given the benefit of the doubt. */
async function lackOfKeyspaceEvents(redis: Redis, { name }: ClusterNode): Promise<Error | undefined> {
  try {
    const [, flags] = (await redis.config('GET', 'notify-keyspace-events')) as (string | undefined)[];
    if (flags === undefined || (/K/.test(flags) && /[^KE]/.test(flags))) return undefined;
    return new KeyspaceEventsOffError(name);
  } catch (error) {
    if (error instanceof NodeReplyError) return undefined;
    throw error;
  }
}
