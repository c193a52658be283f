import type { Host } from '../common/hosts.js';
import type { FollowedChanges } from './decorators/on-change.decorator.js';
import type { HandlerSubscription } from './decorators/subscription-metadata.js';

/** A method with `@Subscribe` or another subscribing decorator. */
export interface Handler {
  readonly host: Host;
  /** The name of the method. */
  readonly method: string;
  /** `OrderEvents.onPlaced`, for the log. */
  readonly name: string;
  readonly subscriptions: readonly HandlerSubscription[];
  /** The changes of entities that it follows. */
  readonly changes: readonly FollowedChanges[];
}
