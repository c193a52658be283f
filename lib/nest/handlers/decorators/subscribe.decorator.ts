import type { InjectionToken } from '@nestjs/common';
import type { Codec } from '../../../pubsub/messages/codec.js';
import type { HandlerOrder } from '../handler-queue.js';
import { handlerDecorator } from '../handler-subscription.js';
import { SUBSCRIPTIONS, type HandlerBuffer, type HandlerNames } from './subscription-metadata.js';

/** How a handler is fed. */
export interface HandlerOptions {
  /** The cluster it listens to. Default `'default'`. */
  cluster?: string | undefined;
  /**
   * How many messages the handler works on at a time. Default 1: in the order they arrive, each when the one before is
   * done with.
   */
  concurrency?: number | undefined;
  /**
   * With `channel`, messages of one channel are handled one after the other, in their order, however many the handler may
   * work on at a time. Default `none`.
   */
  order?: HandlerOrder | undefined;
  /** Messages that wait for the handler. Default 10,000; what comes on top is dropped (`dropNewest`). */
  buffer?: HandlerBuffer | undefined;
  /** What the function that tells the names is called with: tokens of singletons that the handler's module can inject. */
  inject?: readonly InjectionToken[] | undefined;
}

/** How a handler of messages is fed. */
export interface SubscribeOptions extends HandlerOptions {
  /** Reads the payloads; otherwise the client's codec does. */
  codec?: Codec | undefined;
}

/**
 * Calls a method of any provider or controller with every message of a channel, or of several. This decorator and the
 * ones below may stand on a method together, and more than once; each feeds it for itself.
 *
 * Guards, pipes, interceptors and filters apply as they do elsewhere; `isClusterMessageContext` tells them what they
 * deal with. Parameters are filled by `@Payload()`, `@Channel()`, `@Pattern()` and `@Message()`; a method without any of
 * them is called with the payload and the message. An error is logged and the next message follows.
 *
 * Messages that come faster than the handler takes them wait, within the bounds of `buffer`; beyond them some are
 * dropped, the log says so, and `ClusterHandlers` counts them.
 *
 * @throws InvalidArgumentError where it does not stand on a method, or names no channel
 */
export function Subscribe(channels: HandlerNames, options: SubscribeOptions = {}): MethodDecorator {
  return handlerDecorator({ kind: 'channel', names: channels }, options);
}

/** The metadata key that all subscribing decorators share, for `Reflector`. */
Subscribe.KEY = SUBSCRIPTIONS;

/**
 * As `Subscribe`, for all channels that a glob-style pattern matches, or one of several. `@Pattern()` is the one that
 * did; a channel that two of them match comes twice.
 */
export function PatternSubscribe(patterns: HandlerNames, options: SubscribeOptions = {}): MethodDecorator {
  return handlerDecorator({ kind: 'pattern', names: patterns }, options);
}

/** As `Subscribe`, for sharded channels: those that `publishSharded` publishes to. Needs Redis 7. */
export function ShardedSubscribe(channels: HandlerNames, options: SubscribeOptions = {}): MethodDecorator {
  return handlerDecorator({ kind: 'sharded', names: channels }, options);
}

/**
 * As `Subscribe`, for what happens to keys that a glob-style pattern matches, or one of several; see
 * `ClusterPubSub.keyspace` for what servers tell, and to whom. `@Payload()` is the event, `{ key, event, node,
 * receivedAt }`, `@Channel()` the key, and `@Pattern()` the pattern; `@Message()` holds them all. A key that two patterns
 * match comes twice.
 *
 * The application does not start where a primary tells no such events (KeyspaceEventsOffError).
 *
 * @param events those wanted, as servers call them (`expired`, `del`, `set`, …); all where they are left out
 */
export function KeyspaceEvent(
  patterns: HandlerNames,
  events?: string | readonly string[],
  options: HandlerOptions = {},
): MethodDecorator {
  const wanted = events === undefined ? undefined : [events].flat();
  return handlerDecorator({ kind: 'keyspace', names: patterns, events: wanted }, options);
}
