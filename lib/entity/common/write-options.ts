import type { Durability } from '../../cluster/command/call-policy.js';

/** Options of writes. */
export interface WriteOptions {
  /** How long the write may take, retries included, in milliseconds. */
  deadlineMs?: number | undefined;
  /** Aborts the write: with CommandAbortedError, or with OutcomeUnknownError if it was sent already. */
  signal?: AbortSignal | undefined;
  /**
   * Waits until this many replicas have the write. If they do not confirm it within `timeoutMs`, the write fails with
   * DurabilityError (`applied: true`). Each such write uses a connection of its own.
   */
  durability?: Durability | undefined;
  /**
   * Your own id for this write. If you repeat the write with the same id, it is recognized and not applied twice, as
   * long as it is among the last five writes of its row. By default each call has its own id, which covers retries
   * within the call.
   */
  opId?: string | undefined;
}

/** Options of writes of many rows. */
export type BulkWriteOptions = Omit<WriteOptions, 'opId'>;

// Typed by the key alone, so that the repository of a subclass is assignable to that of its parent.
export interface PartitionSweep<Key> {
  /** Only this partition; by default all partitions of the cluster. */
  partition?: Key | undefined;
  /** The maximum number of rows, or of entries, to delete. */
  limit?: number | undefined;
  /** Ends the sweep early. What was deleted stays deleted. */
  signal?: AbortSignal | undefined;
}
