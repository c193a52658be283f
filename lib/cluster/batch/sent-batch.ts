import type { CallPolicy, CallShape } from '../command/call-policy.js';
import type { ResolvedCall } from '../command/resolved-call.js';

/** A command that is sent with others: the call, and the form of its reply. */
export interface BatchEntry {
  readonly call: ResolvedCall;
  readonly shape: CallShape;
}

/** An entry that becomes a command when it is sent. A class for the same reason as `ResolvedCall`. */
export class QueuedCall implements BatchEntry {
  constructor(
    readonly call: ResolvedCall,
    readonly shape: CallShape,
  ) {}
}

/** Entries that are sent together. Takes their results, each by its place. The methods must not throw. */
export interface SentBatch {
  readonly entries: readonly BatchEntry[];
  readonly policy: CallPolicy;
  replied(place: number, reply: unknown): void;
  failed(place: number, error: Error): void;
  /** Called after entries have got their results, with the bytes of their arguments. */
  ended(count: number, bytes: number): void;
  /** Called when a command has reached its deadline. */
  limit(): void;
}

/** The path of one batch into the engine. */
export interface BatchLane {
  /** Milliseconds of the client's clock: when this turn of the event loop began, if calls were made in it. */
  now(): number;
  /** Calls back with the length of this turn if it is long: deadlines of calls in it count from its end. */
  afterLongTurn(extend: (ms: number) => void): void;
  /** Called before entries are added. */
  begin(): void;
  /**
   * Sends the entry at a place, also while the client drains, if the batch was started before. It may wait for others
   * until `flush` is called.
   * @param deadlineAt the deadline, if it is earlier than that of the policy
   */
  add(place: number, deadlineAt: number): void;
  flush(): void;
  /** Fails the entry at a place, which is not sent. */
  refuse(place: number, error: Error): void;
  /** Called when all entries have a result. */
  end(): void;
}
