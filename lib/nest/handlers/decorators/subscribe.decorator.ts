import type { InjectionToken } from '@nestjs/common';
import type { Codec } from '../../../pubsub/messages/codec.js';
import type { HandlerOrder } from '../handler-queue.js';
import { handlerDecorator } from '../handler-subscription.js';
import { SUBSCRIPTIONS, type HandlerBuffer, type HandlerNames } from './subscription-metadata.js';

/** Options of a handler. */
export interface HandlerOptions {
  /** The name of the cluster to subscribe to. Default `'default'`. */
  cluster?: string | undefined;
  /**
   * How many messages the handler processes at a time: a positive integer or Infinity. Default 1, which
   * handles messages one after another in order of arrival.
   */
  concurrency?: number | undefined;
  /**
   * With `channel`, messages of one channel are handled one after another, in order, while those of other
   * channels are handled concurrently. Default `none`.
   */
  order?: HandlerOrder | undefined;
  /**
   * The buffer of messages that wait for the handler. Default: 10,000 messages, then new ones are dropped
   * (`dropNewest`).
   */
  buffer?: HandlerBuffer | undefined;
  /**
   * Tokens of the arguments of a function that returns names: singletons that the handler's module can
   * inject.
   */
  inject?: readonly InjectionToken[] | undefined;
}

/** Options of a handler of messages. */
export interface SubscribeOptions extends HandlerOptions {
  /** Decodes the payloads. Default: the client's codec. */
  codec?: Codec | undefined;
}

/**
 * Calls a method of any provider or controller with every message of a channel, or of several. A method can
 * carry several subscribing decorators, even the same one twice. Each has its own subscription and queue.
 *
 * Guards, pipes, interceptors and filters apply as usual; they can call `isClusterMessageContext` to
 * recognize messages. `@Payload()`, `@Channel()`, `@Pattern()` and `@Message()` inject parameters; a method
 * without them is called with the payload and the message. If the method throws, the error is logged and the
 * next message is handled.
 *
 * Messages that arrive faster than the handler processes them wait in its `buffer`. If that is full, messages
 * are dropped, which is logged and counted by `ClusterHandlers`.
 *
 * @param channels one name, several, or a function that returns them from the providers that `inject` names
 * @throws InvalidArgumentError for invalid names or options, and if it is not on an instance method
 */
export function Subscribe(channels: HandlerNames, options: SubscribeOptions = {}): MethodDecorator {
  return handlerDecorator({ kind: 'channel', names: channels }, options);
}

/** The metadata key of all subscribing decorators, for `Reflector`. */
Subscribe.KEY = SUBSCRIPTIONS;

/**
 * Like `Subscribe`, for all channels that match a glob-style pattern, or any of several patterns.
 * `@Pattern()` injects the pattern that matched. If two patterns match, the method is called twice.
 */
export function PatternSubscribe(patterns: HandlerNames, options: SubscribeOptions = {}): MethodDecorator {
  return handlerDecorator({ kind: 'pattern', names: patterns }, options);
}

/** Like `Subscribe`, for sharded channels, to which `publishSharded` publishes. Needs Redis 7. */
export function ShardedSubscribe(channels: HandlerNames, options: SubscribeOptions = {}): MethodDecorator {
  return handlerDecorator({ kind: 'sharded', names: channels }, options);
}

/**
 * Like `Subscribe`, for events of keys that match a glob-style pattern, or any of several patterns; see
 * `ClusterPubSub.keyspace` for the server setting it needs. `@Payload()` injects the event, `{ key, event,
 * node, receivedAt }`, `@Channel()` the key, `@Pattern()` the pattern, and `@Message()` all of them. If two
 * patterns match, the method is called twice.
 *
 * The application does not start if a primary does not publish these events (KeyspaceEventsOffError).
 *
 * @param events the events to receive, by their names in Redis (`expired`, `del`, `set`, …). Default: all
 */
export function KeyspaceEvent(
  patterns: HandlerNames,
  events?: string | readonly string[],
  options: HandlerOptions = {},
): MethodDecorator {
  const wanted = events === undefined ? undefined : [events].flat();
  return handlerDecorator({ kind: 'keyspace', names: patterns, events: wanted }, options);
}
