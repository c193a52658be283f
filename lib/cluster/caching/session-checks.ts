import { clearInterval, setInterval } from '../common/timers.js';
import { SLOT_COUNT } from '../topology/key-slot.js';
import { authorOf, claimsOf } from '../topology/node-lines.js';
import type { CacheSession } from './cache-session.js';

/** Checks in the time for which one of them certifies. */
const CHECKS_PER_LEASE = 4;
/** After this time without a read there are no more checks, in ms. */
const IDLE_MS = 60_000;

/** The nodes that are checked. */
export interface CheckedNodes {
  /** The connections to all primaries. */
  sessions(): Iterable<CacheSession>;
  /** Nodes disagree about the slots. */
  onStale(reason: string): void;
}

/**
 * Checks the connections at intervals. A node vouches for a slot if it says that it owns the slot and is not handing it
 * over, and another primary says the same of it: a node that was replaced while it was frozen, or cut off, does not know
 * that at first.
 */
export class SessionChecks {
  /** A read has asked the cache since this was last set to false. */
  wanted = false;
  private readonly intervalMs: number;
  private timer: NodeJS.Timeout | undefined = undefined;
  private idle = 0;

  /** @param left called for each slot that a node does not vouch for any more */
  constructor(
    maxStaleMs: number,
    private readonly host: CheckedNodes,
    private readonly left: (slot: number) => void,
  ) {
    this.intervalMs = Math.max(10, Math.floor(maxStaleMs / CHECKS_PER_LEASE));
  }

  /** Begins, unless it has. */
  start(): void {
    this.timer ??= setInterval(() => this.check(), this.intervalMs).unref();
  }

  stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }

  /** Handles the answer to a check. */
  onViewed(session: CacheSession): void {
    const { view } = session;
    const id = view && authorOf(view.nodes);
    if (view === undefined || id === undefined) return;
    const claims = claimsOf(view.nodes, id);
    const witness = this.witnessFor(session);
    if (witness === null) return;
    let asOf = view.sentAt;
    if (witness !== undefined) {
      const confirmed = claimsOf(witness.nodes, id);
      let disagree = false;
      for (let slot = 0; slot < SLOT_COUNT; slot++) {
        if (claims[slot] === 1 && confirmed[slot] === 0) {
          claims[slot] = 0;
          disagree = true;
        }
      }
      if (disagree) this.host.onStale('nodes disagree about slots');
      asOf = Math.min(asOf, witness.sentAt);
    }
    const before = session.claims;
    for (let slot = 0; slot < SLOT_COUNT; slot++)
      if (before[slot] === 1 && claims[slot] === 0) this.left(slot);
    session.certify(claims, asOf);
  }

  /** What another primary has just said; undefined if there is no other, null if none has answered. */
  private witnessFor(session: CacheSession): CacheSession['view'] | null {
    let others = 0;
    let newest: CacheSession['view'] = undefined;
    for (const other of this.host.sessions()) {
      if (other === session) continue;
      others++;
      if (other.view !== undefined && (newest === undefined || other.view.sentAt > newest.sentAt))
        newest = other.view;
    }
    return newest ?? (others === 0 ? undefined : null);
  }

  private check(): void {
    this.idle = this.wanted ? 0 : this.idle + this.intervalMs;
    this.wanted = false;
    if (this.idle > IDLE_MS) return this.stop();
    for (const session of this.host.sessions()) session.check();
  }
}
