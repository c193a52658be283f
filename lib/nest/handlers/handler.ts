import type { DiscoveryService } from '@nestjs/core';
import type { HandlerSubscription } from './decorators/subscription-metadata.js';

/** Nest's wrapper of a provider or controller. */
export type HandlerHost = ReturnType<DiscoveryService['getProviders']>[number];

/** A method with `@Subscribe` or another subscribing decorator. */
export interface Handler {
  readonly host: HandlerHost;
  /** The name of the method. */
  readonly method: string;
  /** `OrderEvents.onPlaced`, for the log. */
  readonly name: string;
  readonly subscriptions: readonly HandlerSubscription[];
}
