import type { InjectionToken } from '@nestjs/common';
import type { BufferOptions } from '../../../pubsub/buffers/bounded-buffer.js';
import type { Codec } from '../../../pubsub/messages/codec.js';
import type { SubscriptionKind } from '../../../pubsub/subscriptions/subscription-kind.js';
import type { HandlerOrder } from '../handler-queue.js';

/** The metadata key under which methods keep their subscriptions. */

export const SUBSCRIPTIONS = 'keyslot:subscriptions';
/** One name, several, or a function that tells them from what the option `inject` lists. */

export type HandlerNames =
  string | readonly string[] | ((...injected: never[]) => string | readonly string[]);
/** How many messages wait for a handler, and which are dropped where there are more. */

export interface HandlerBuffer extends BufferOptions {
  whenFull?: 'dropOldest' | 'dropNewest';
}
/** What one decorator of a method says. */

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
/** The same once its names are known. */

export interface HandlerSubscription extends SubscriptionMetadata {
  readonly names: readonly string[];
}
/** What the decorators of a method say, in the order they are written. */

export function subscriptionsOf(handler: object): readonly SubscriptionMetadata[] {
  return (Reflect.getOwnMetadata(SUBSCRIPTIONS, handler) as SubscriptionMetadata[] | undefined) ?? [];
}
