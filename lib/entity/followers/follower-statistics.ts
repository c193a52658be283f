/** What a follower has done in this process. */
export interface FollowerStatistics {
  readonly group: string;
  /** Changes that were handled, including those whose handler failed after its transaction. */
  readonly handled: number;
  /** Attempts that failed. */
  readonly failed: number;
  /** Attempts that were or will be repeated. */
  readonly retried: number;
  /** Changes that were put aside, or handed to `deadLetter`. */
  readonly putAside: number;
  /** Changes that were removed from those put aside, because of `maxDeadLetters`. */
  readonly deadLettersRemoved: number;
  /** Places where changes were lost. */
  readonly gaps: number;
  /** How many of the 64 shares of the slots this process has now. */
  readonly shares: number;
}

/** The counters behind it. */
export type FollowerCounts = {
  -readonly [Name in Exclude<keyof FollowerStatistics, 'group' | 'shares'>]: number;
};

export const newCounts = (): FollowerCounts => ({
  ...{ handled: 0, failed: 0, retried: 0 },
  ...{ putAside: 0, deadLettersRemoved: 0, gaps: 0 },
});
