import { SetMetadata } from '@nestjs/common';
import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { checkOptionNames } from '../../cluster/common/check-option-names.js';
import { resolveBufferOptions } from '../../pubsub/buffers/bounded-buffer.js';
import { resolveCodec } from '../../pubsub/messages/codec.js';
import { checkConcurrency } from '../../pubsub/common/check-concurrency.js';
import type { SubscriptionKind } from '../../pubsub/subscriptions/subscription-kind.js';
import { HANDLER_KINDS } from './handler-kinds.js';
import { checkClusterName } from '../common/module-checks.js';
import {
  type SubscriptionMetadata,
  SUBSCRIPTIONS,
  subscriptionsOf,
} from './decorators/subscription-metadata.js';

/**
 * Puts a subscription on a method.
 * @throws InvalidArgumentError for what can never be subscribed to, and where it does not stand on a method
 */
export function handlerDecorator(
  { kind, names, events }: Pick<SubscriptionMetadata, 'kind' | 'names' | 'events'>,
  options: Omit<SubscriptionMetadata, 'kind' | 'names' | 'events'>,
): MethodDecorator {
  const { decorator } = HANDLER_KINDS[kind];
  checkOptionNames(decorator, options, kind === 'keyspace' ? OPTIONS : [...OPTIONS, 'codec']);
  const metadata: SubscriptionMetadata = { ...options, kind, names, events };
  checkMetadata(metadata);
  return (target, method, descriptor) => {
    const handler: unknown = descriptor?.value;
    if (typeof target === 'function' || typeof handler !== 'function') {
      throw new InvalidArgumentError(decorator, `${decorator} stands on methods of an instance only`);
    }
    if (typeof method === 'symbol') {
      throw new InvalidArgumentError(
        decorator,
        `${decorator} cannot stand on a method named by a symbol (${String(method)}); give the method a text name`,
      );
    }
    SetMetadata(SUBSCRIPTIONS, [metadata, ...subscriptionsOf(handler)])(target, method, descriptor);
  };
}

/**
 * Names as a list, each once.
 * @param where what gives them, for the error
 * @throws InvalidArgumentError where there is none, or one is empty or no text
 */
export function readHandlerNames(kind: SubscriptionKind, names: unknown, where: string): readonly string[] {
  const list = [names].flat();
  if (!areNames(list)) {
    throw new InvalidArgumentError(
      'names',
      `${where} takes a ${HANDLER_KINDS[kind].noun}, or a list of them`,
    );
  }
  return [...new Set(list)];
}

/** What the options of handlers are called, beside `codec`, which those of messages have. */
const OPTIONS = ['cluster', 'concurrency', 'order', 'buffer', 'inject'];

function checkMetadata(metadata: SubscriptionMetadata): void {
  const { kind, names, cluster, concurrency, order, buffer = {}, inject, codec, events } = metadata;
  const { decorator } = HANDLER_KINDS[kind];
  if (cluster !== undefined) checkClusterName(cluster);
  if (codec !== undefined) resolveCodec(codec);
  if (inject !== undefined && !Array.isArray(inject)) {
    throw new InvalidArgumentError('inject', `Option inject of ${decorator} must be a list of tokens`);
  }
  if (typeof names !== 'function') readHandlerNames(kind, names, decorator);
  if (events !== undefined && !areNames(events)) {
    throw new InvalidArgumentError('events', `${decorator} takes an event, a list of them, or none for all`);
  }
  if (concurrency !== undefined) checkConcurrency(concurrency);
  if (order !== undefined && order !== 'channel' && order !== 'none') {
    throw new InvalidArgumentError('order', "The order of a handler is 'channel' or 'none'");
  }
  const { whenFull } = resolveBufferOptions(buffer);
  if (whenFull === 'error') {
    throw new InvalidArgumentError(
      'whenFull',
      'A subscription outlives errors: drop the oldest or the newest',
    );
  }
}

function areNames(list: readonly unknown[]): list is readonly string[] {
  return list.length > 0 && list.every((name) => typeof name === 'string' && name !== '');
}
