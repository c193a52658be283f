import { SetMetadata } from '@nestjs/common';
import { InvalidArgumentError } from '../cluster/errors.js';
import type { Codec } from '../pubsub/codec.js';

const SUBSCRIPTIONS = 'keyslot:subscriptions';

/** How a handler is fed. */
export interface SubscribeOptions {
  /** The cluster whose channels these are. Default `'default'`. */
  cluster?: string;
  /**
   * How many messages the handler works on at a time. Default 1: in the order they arrive, each when the one before is
   * done with.
   */
  concurrency?: number;
  /** Reads the payloads; otherwise the client's codec does. */
  codec?: Codec;
}

/** What one `@Subscribe` says. */
export interface SubscribeMetadata extends SubscribeOptions {
  readonly channels: readonly string[];
}

/**
 * Calls a method of any provider or controller with every message of a channel, or of several. May stand more than once
 * on a method.
 *
 * Guards, pipes, interceptors and filters apply as they do elsewhere; `isClusterMessageContext` tells them what they
 * deal with. Parameters are filled by `@Payload()`, `@Channel()` and `@Message()`; a method without any of them is
 * called with the payload and the message. An error is logged and the next message follows.
 *
 * Messages that come faster than the handler takes them wait, up to 10,000; what comes on top of them is dropped, and
 * the log says so.
 *
 * @throws InvalidArgumentError where it does not stand on a method, or names no channel
 */
export function Subscribe(
  channels: string | readonly string[],
  options: SubscribeOptions = {},
): MethodDecorator {
  const metadata: SubscribeMetadata = { ...options, channels: [channels].flat() };
  check(metadata);
  return (target, method, descriptor) => {
    const handler: unknown = descriptor?.value;
    if (typeof target === 'function' || typeof handler !== 'function') {
      throw new InvalidArgumentError('Subscribe', '@Subscribe() stands on methods of an instance only');
    }
    SetMetadata(SUBSCRIPTIONS, [metadata, ...subscriptionsOf(handler)])(target, method, descriptor);
  };
}

/** The metadata key, for `Reflector`. */
Subscribe.KEY = SUBSCRIPTIONS;

/** What the `@Subscribe` of a method say, in the order they are written. */
export function subscriptionsOf(handler: object): readonly SubscribeMetadata[] {
  return (Reflect.getOwnMetadata(SUBSCRIPTIONS, handler) as SubscribeMetadata[] | undefined) ?? [];
}

function check({ channels, concurrency }: SubscribeMetadata): void {
  if (channels.length === 0 || channels.some((channel) => typeof channel !== 'string' || channel === '')) {
    throw new InvalidArgumentError(
      'channels',
      '@Subscribe() takes the name of a channel, or a list of names',
    );
  }
  if (concurrency !== undefined && !(concurrency >= 1)) {
    throw new InvalidArgumentError('concurrency', 'The concurrency of a handler is a number of at least 1');
  }
}
