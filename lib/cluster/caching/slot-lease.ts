import type { CacheEntry } from './cache-entries.js';
import type { CacheSession } from './cache-session.js';

/** Which connection a slot is read by. */
export interface SlotOwners {
  /** The connection to the primary of a slot, by the present topology; undefined if its server does not track. */
  sessionOf(slot: number): CacheSession | undefined;
}

/**
 * What holds now of the replies from one slot: those that came by the present connection to its node, in the present
 * stay of the slot there. It is looked up once for the keys of a call.
 */
export class SlotLease {
  private session: CacheSession | undefined = undefined;
  private stay = 0;
  /** Replies to reads that were sent at this time, or before, are too old. */
  private oldest = Infinity;

  /** @param moves how often each slot has left its node */
  constructor(
    private readonly owners: SlotOwners,
    private readonly moves: Uint32Array,
    private readonly maxStaleMs: number,
  ) {}

  /** Looks at a slot. What is returned later is about this one. @param maxAgeMs how old a reply may be */
  look(slot: number, now: number, maxAgeMs = Infinity): void {
    const session = this.owners.sessionOf(slot);
    this.session = session;
    if (session === undefined) return;
    this.stay = this.stayOf(session, slot);
    const vouched = session.claims[slot] === 1 && now - session.certifiedAt <= this.maxStaleMs;
    this.oldest = now - (vouched ? maxAgeMs : Math.min(maxAgeMs, this.maxStaleMs));
  }

  /**
   * Returns a number for the stay of a slot at a connection's node. It changes when anything ends that came by the
   * connection, or the slot leaves: both counts only grow, so their sum is the same only if both are.
   */
  stayOf(session: CacheSession, slot: number): number {
    return session.generation + this.moves[slot];
  }

  /** Whether a reply from the slot is of its present stay. */
  covers({ session, stay }: CacheEntry): boolean {
    return session === this.session && stay === this.stay;
  }

  /** Whether a reply from the slot holds. */
  holds(entry: CacheEntry, now: number): boolean {
    return this.covers(entry) && entry.sentAt > this.oldest && now < entry.expiresAt;
  }
}
