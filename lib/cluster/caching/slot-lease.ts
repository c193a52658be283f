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
  private vouched = false;

  /** @param moves how often each slot has left its node */
  constructor(
    private readonly owners: SlotOwners,
    private readonly moves: Uint32Array,
    private readonly maxStaleMs: number,
  ) {}

  /** Looks at a slot. What is returned later is about this one. */
  look(slot: number, now: number): void {
    const session = this.owners.sessionOf(slot);
    this.session = session;
    if (session === undefined) return;
    this.stay = this.stayOf(session, slot);
    this.vouched = session.claims[slot] === 1 && now - session.certifiedAt <= this.maxStaleMs;
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

  /** Whether a reply from the slot holds. @param maxAgeMs how old it may be */
  holds(entry: CacheEntry, maxAgeMs: number, now: number): boolean {
    const age = now - entry.sentAt;
    return (
      this.covers(entry) &&
      now < entry.expiresAt &&
      age < maxAgeMs &&
      (this.vouched || age <= this.maxStaleMs)
    );
  }
}
