import { map, merge, type Observable } from 'rxjs';
import type { ClusterMessage } from '../../pubsub/subscriptions/cluster-message.js';
import type { ClusterPubSub } from '../../pubsub/cluster-pubsub.js';
import type { SubscriptionKind } from '../../pubsub/subscriptions/subscription-kind.js';
import type { HandlerSubscription } from './decorators/subscription-metadata.js';

/** How one subscribing decorator differs from the others. */
export interface HandlerKind {
  /** The name of the decorator. */
  readonly decorator: string;
  /** What its names denote, for errors. */
  readonly noun: string;
  /** Returns the messages that handlers are called with. */
  readonly messages: (pubsub: ClusterPubSub, subscription: HandlerSubscription) => Observable<ClusterMessage>;
}

export const HANDLER_KINDS: Readonly<Record<SubscriptionKind, HandlerKind>> = {
  channel: {
    decorator: '@Subscribe()',
    noun: 'channel',
    messages: (pubsub, { names, codec }) => pubsub.channel(names, { codec }),
  },
  pattern: {
    decorator: '@PatternSubscribe()',
    noun: 'pattern',
    messages: (pubsub, { names, codec }) => pubsub.pattern(names, { codec }),
  },
  sharded: {
    decorator: '@ShardedSubscribe()',
    noun: 'sharded channel',
    messages: (pubsub, { names, codec }) => pubsub.sharded(names, { codec }),
  },
  keyspace: {
    decorator: '@KeyspaceEvent()',
    noun: 'pattern of keys',
    messages: (pubsub, { names, events }) =>
      // an event does not contain the pattern that matched, so each pattern is observed separately
      merge(...names.map((pattern) => keyspaceMessages(pubsub, pattern, events))),
  },
};

/** Wraps events in messages, so that parameter decorators, guards and the queue see the usual shape. */
function keyspaceMessages(
  pubsub: ClusterPubSub,
  pattern: string,
  events: readonly string[] | undefined,
): Observable<ClusterMessage> {
  return pubsub
    .keyspace({ pattern, events })
    .pipe(map((event) => ({ channel: event.key, pattern, payload: event, receivedAt: event.receivedAt })));
}
