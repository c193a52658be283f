import type { EntityKey } from '../keys/entity-key.js';
import type { GlobalEntry } from '../keys/global-entry.js';

/** Who has an entry of a unique. */
export interface Claimant {
  readonly key: EntityKey;
  readonly token: string;
  /** How long it has been there, in milliseconds. */
  readonly ageMs: number;
}

/** What came of putting an entry in its place. */
export interface Entered {
  /** When, by the clock of the server that has it, in milliseconds since 1970. */
  readonly at: number;
  /** Who has the value of a unique already; undefined where the entry is ours now. */
  readonly claimant?: Claimant;
}

/**
 * What a row says of an entry that a write with a token has made: `held` by it; `dead`, because that write can no
 * longer be committed; or `open`, because it may still be.
 */
export type EntryFate = 'held' | 'dead' | 'open';

/**
 * The steps of the protocol of global indexes and uniques, each of them atomic and in one slot, each harmless if it is
 * made twice or late. One more is the commit of the row. What they do together stands in `global-protocol.ts`.
 */
export interface GlobalSteps {
  /** A token that no other attempt has. */
  newToken(): string;
  /** Puts an entry in its place, unless it is of a unique and another one is there. */
  enter(entry: GlobalEntry, token: string): Promise<Entered>;
  /**
   * Asks the row whether it holds an entry.
   *
   * @param fence forbids the write that made the entry to be committed, if it was not: an open entry is dead then.
   */
  resolve(entry: GlobalEntry, token: string, fence: boolean): Promise<EntryFate>;
  /** Takes an entry away, if it still is the one with this token. Only to be done to what is dead. */
  remove(entry: GlobalEntry, token: string): Promise<void>;
  /** Waits a little. @throws where the time for the whole is over. */
  pause(): Promise<void>;
  /** Does what nobody waits for, by steps that no time is set for. What it leaves undone, others do. */
  later(work: (unbound: GlobalSteps) => Promise<void>): void;
}
