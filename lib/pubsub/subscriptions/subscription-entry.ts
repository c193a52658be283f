import type { SubscriptionName } from './subscription-name.js';

/**
 * The state of a name on the server:
 * - `absent`, `present`: settled
 * - `joining`, `leaving`: a command is in flight
 * - `dropped`: the command in flight was confirmed, and the server has ended the subscription again
 */
export type Presence = 'absent' | 'joining' | 'dropped' | 'present' | 'leaving';

/** What a connection knows about a name. It outlives its topic for as long as the server has the name; `T` is that topic. */
export interface SubscriptionEntry<T> {
  readonly name: SubscriptionName;
  /** The slot of the name, if the names of a command must share one. */
  readonly slot: number;
  /** The set that it is in, and where. */
  readonly set: object;
  index: number;
  /** The topic that needs the name; undefined if none does. */
  topic: T | undefined;
  presence: Presence;
  /** Whether `reconcile()` has it on its list. */
  queued: boolean;
  /** The server rejected a command for several names, so this name is sent alone next. */
  alone: boolean;
}
