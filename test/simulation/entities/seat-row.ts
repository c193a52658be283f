import type { Values } from '../checker/partition-commit.js';

/** A row of the partitions whose transactions are recorded: a seat of a hall. */
export interface SeatRow {
  hallId: string;
  id: string;
  /** Unique in the hall. */
  badge: string;
  /** Indexed, alone and with the rank. */
  state: string;
  rank: number;
  /** Says who wrote the row last. */
  note: string;
  /** A counter. */
  visits: number;
  version: number;
}

/** The properties that are unique in a hall. */
export const UNIQUE: readonly string[] = ['badge'];

/** The ids of the seats: few, so that callers meet. */
export const SEAT_IDS: readonly string[] = ['s0', 's1', 's2', 's3'];

/** Returns what a row holds, as the checker compares it. */
export const valuesOf = ({ badge, state, rank, note, visits }: SeatRow): Values => ({
  badge,
  state,
  rank,
  note,
  visits: visits ?? 0,
});
