/** Options of `withLock`. */
export interface LockOptions {
  /** The name of the lock; locks of different names are independent. Letters, digits, `_`, `-` and `.`. */
  name?: string | undefined;
  /** How long the lock outlives a holder that lost its connection, in milliseconds: 10,000 by default, at least 100. */
  ttlMs?: number | undefined;
  /** How long to wait for the lock, in milliseconds: 10,000 by default. With 0, it does not wait. */
  waitMs?: number | undefined;
  /** Ends the wait with the signal's reason. While the lock is held, it aborts the signal of the lock. */
  signal?: AbortSignal | undefined;
}
