import { SetMetadata } from '@nestjs/common';
import { describeKind, describeOther } from '../../cluster/common/describe-value.js';
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
 * Creates a decorator that adds a subscription to a method.
 * @throws InvalidArgumentError for invalid names or options; from the decorator, if it is not on an instance
 *   method
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
      throw new InvalidArgumentError(decorator, `${decorator} can only decorate an instance method`);
    }
    if (typeof method === 'symbol') {
      throw new InvalidArgumentError(
        decorator,
        `${decorator} cannot decorate a method named by a symbol, got ${String(method)}. Give the method a string name`,
      );
    }
    SetMetadata(SUBSCRIPTIONS, [metadata, ...subscriptionsOf(handler)])(target, method, descriptor);
  };
}

/**
 * Returns the names as a list without duplicates.
 * @param where the decorator that has them, for the error
 * @throws InvalidArgumentError for no name, or a name that is not a non-empty string
 */
export function readHandlerNames(kind: SubscriptionKind, names: unknown, where: string): readonly string[] {
  const list = [names].flat();
  if (!areNames(list)) {
    throw new InvalidArgumentError(
      'names',
      `${where} needs a ${HANDLER_KINDS[kind].noun}, or a list of them, got ${describeNames(names)}`,
    );
  }
  return [...new Set(list)];
}

/** The options of all handlers; those of messages also have `codec`. */
const OPTIONS = ['cluster', 'concurrency', 'order', 'buffer', 'inject'];

function checkMetadata(metadata: SubscriptionMetadata): void {
  const { kind, names, cluster, concurrency, order, buffer = {}, inject, codec, events } = metadata;
  const { decorator } = HANDLER_KINDS[kind];
  if (cluster !== undefined) checkClusterName(cluster);
  if (codec !== undefined) resolveCodec(codec);
  if (inject !== undefined && !Array.isArray(inject)) {
    throw new InvalidArgumentError(
      'inject',
      `"inject" of ${decorator} must be a list of tokens, got ${describeKind(inject)}`,
    );
  }
  if (typeof names !== 'function') readHandlerNames(kind, names, decorator);
  if (events !== undefined && !areNames(events)) {
    throw new InvalidArgumentError(
      'events',
      `${decorator} needs an event or a list of events, got ${describeNames(events)}. Leave them out for all events`,
    );
  }
  if (concurrency !== undefined) checkConcurrency(concurrency);
  if (order !== undefined && order !== 'channel' && order !== 'none') {
    throw new InvalidArgumentError(
      'order',
      `"order" must be 'channel' or 'none', got ${describeOther(order)}`,
    );
  }
  const { whenFull } = resolveBufferOptions(buffer);
  if (whenFull === 'error') {
    throw new InvalidArgumentError(
      'whenFull',
      "\"whenFull\" of a handler must be 'dropOldest' or 'dropNewest', got 'error'",
    );
  }
}

function areNames(list: readonly unknown[]): list is readonly string[] {
  return list.length > 0 && list.every((name) => typeof name === 'string' && name !== '');
}

function describeNames(names: unknown): string {
  return Array.isArray(names) && names.length > 0
    ? 'a list with an empty name or a non-string'
    : describeKind(names);
}
