import type { InjectionToken } from '@nestjs/common';
import type { BufferOptions } from '../../../pubsub/buffers/bounded-buffer.js';
import type { Codec } from '../../../pubsub/messages/codec.js';
import type { SubscriptionKind } from '../../../pubsub/subscriptions/subscription-kind.js';
import type { HandlerOrder } from '../handler-queue.js';

/** The metadata key of a method's subscriptions. */
export const SUBSCRIPTIONS = 'keyslot:subscriptions';

/** One name, several, or a function that returns them from the providers that the option `inject` names. */
export type HandlerNames =
  string | readonly string[] | ((...injected: never[]) => string | readonly string[]);

/** The buffer of a handler: how many messages wait, and which ones are dropped when it is full. */
export interface HandlerBuffer extends BufferOptions {
  whenFull?: 'dropOldest' | 'dropNewest';
}

/** The subscription of one decorator. */
export interface SubscriptionMetadata {
  readonly kind: SubscriptionKind;
  readonly names: HandlerNames;
  readonly cluster?: string;
  readonly concurrency?: number;
  readonly order?: HandlerOrder;
  readonly buffer?: HandlerBuffer;
  readonly inject?: readonly InjectionToken[];
  readonly codec?: Codec;
  readonly events?: readonly string[];
}

/** A subscription whose names are resolved. */
export interface HandlerSubscription extends SubscriptionMetadata {
  readonly names: readonly string[];
}

/** Returns the subscriptions of a method, in the order of its decorators. */
export function subscriptionsOf(handler: object): readonly SubscriptionMetadata[] {
  return (Reflect.getOwnMetadata(SUBSCRIPTIONS, handler) as SubscriptionMetadata[] | undefined) ?? [];
}
