import type { DiscoveryService } from '@nestjs/core';
import type { HandlerSubscription } from './decorators/subscription-metadata.js';

/** What Nest knows of a provider or controller. */

export type HandlerHost = ReturnType<DiscoveryService['getProviders']>[number];
/** A method with `@Subscribe`, or one of its kind, on it. */

export interface Handler {
  readonly host: HandlerHost;
  readonly method: string;
  /** `OrderEvents.onPlaced`, for the log. */
  readonly name: string;
  readonly subscriptions: readonly HandlerSubscription[];
}
