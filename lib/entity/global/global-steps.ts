import type { EntityKey } from '../keys/entity-key.js';
import type { GlobalEntry } from '../keys/global-entry.js';

/** The row that claims an entry of a unique constraint. */
export interface Claimant {
  readonly key: EntityKey;
  readonly token: string;
  /** The age of the entry in milliseconds. */
  readonly ageMs: number;
}

/** The result of entering an entry. */
export interface Entered {
  /** When it was entered, by the clock of its server, in milliseconds since 1970. */
  readonly at: number;
  /** The row that already claims the unique value; undefined if the entry is ours now. */
  readonly claimant?: Claimant;
}

/**
 * The state of a write's entry according to its row: `held` by the row; `dead`, because the write can no longer be
 * committed; or `open`, because it still can.
 */
export type EntryFate = 'held' | 'dead' | 'open';

/**
 * The steps of the protocol for global indexes and unique constraints, besides the commit of the row. Each is atomic in
 * one slot, and harmless if it runs twice or late. `global-protocol.ts` describes how they work together.
 */
export interface GlobalSteps {
  /** Returns a token that no other attempt has. */
  newToken(): string;
  /** Writes an entry, unless another row claims its unique value. */
  enter(entry: GlobalEntry, token: string): Promise<Entered>;
  /**
   * Returns the state of an entry according to its row.
   *
   * @param fence prevents a later commit of the write that made the entry, which turns an open entry into a dead one.
   */
  resolve(entry: GlobalEntry, token: string, fence: boolean): Promise<EntryFate>;
  /** Deletes a dead entry, if it still has this token. */
  remove(entry: GlobalEntry, token: string): Promise<void>;
  /** Waits briefly. @throws if the time limit of the write is over. */
  pause(): Promise<void>;
  /** Runs work in the background, with steps without a time limit. Other writes and readers finish what it leaves. */
  later(work: (unbound: GlobalSteps) => Promise<void>): void;
}
