import type { Durability } from '../../cluster/command/call-policy.js';

/** How a write is made. */
export interface WriteOptions {
  /** How long the write may take, retries included, in milliseconds. */
  deadlineMs?: number | undefined;
  /** Ends the write early: with CommandAbortedError, or OutcomeUnknownError where it was sent already. */
  signal?: AbortSignal | undefined;
  /**
   * The write is done when so many replicas have it, and fails with DurabilityError (`applied: true`) where they have
   * not confirmed it within `timeoutMs`. Such writes take a connection of their own for as long as they last.
   */
  durability?: Durability | undefined;
  /**
   * The caller's own id of this write: made again with the same id it is recognised, if it is among the last five
   * writes of its row. Without one every call has an id of its own, which covers the retries inside the call.
   */
  opId?: string | undefined;
}

/** How many rows are written at once. */
export type BulkWriteOptions = Omit<WriteOptions, 'opId'>;

// Of the key alone: a repository of a class then is one of its parent's.
export interface PartitionSweep<Key> {
  /** This partition alone; without it all of the cluster are looked through. */
  partition?: Key | undefined;
  /** The most rows. */
  limit?: number | undefined;
  /** Ends it early; what was swept stays so. */
  signal?: AbortSignal | undefined;
}
