/** How a lock is taken and held. */

export interface LockOptions {
  /** Which of the partition's locks; they have nothing to do with each other. Letters, digits, `_`, `-` and `.`. */
  name?: string | undefined;
  /** For how long others wait after a holder that was cut off, in milliseconds: 10,000 by default, 100 at least. */
  ttlMs?: number | undefined;
  /** How long to wait for the lock, in milliseconds: 10,000 by default; 0 takes it at once or not at all. */
  waitMs?: number | undefined;
  /** Ends the wait with its reason, and once the lock is held aborts the function's signal. */
  signal?: AbortSignal | undefined;
}
