/** How a write is made. */
export interface WriteOptions {
  /** How long the write may take, retries included, in milliseconds. */
  deadlineMs?: number;
  /**
   * The caller's own id of this write: made again with the same id it is recognised, if it is among the last five
   * writes of its row. Without one every call has an id of its own, which covers the retries inside the call.
   */
  opId?: string;
}

/** How an update is made. */
export interface UpdateOptions extends WriteOptions {
  /** The version that the row must be at. */
  ifVersion?: number;
}
