import { randomUUID } from '../../cluster/runtime/randomness.js';
import { clearTimeout, monotonicMs, setTimeout } from '../../cluster/common/timers.js';
import type { GroupStore, Membership } from './group-store.js';

/** A share of the slots that this process has. */
export interface HeldShare {
  readonly number: number;
  /** Aborted when another process may have the share. */
  readonly lost: AbortController;
  /** Whether it is being given up: nothing new begins, and what runs may end. */
  isEnding: boolean;
  /**
   * If the process that had the share before has vanished: the slots where a change was handled since. In the others,
   * the next change may be the one that ended that process.
   */
  readonly proven: Set<number> | undefined;
}

/** What a keeper reports to its follower. */
export interface ShareEvents {
  /**
   * The group has not begun, and this process is to begin it.
   *
   * @param until returns until when it may, in milliseconds since 1970, by the clock of the server. Each report extends it.
   */
  begin(until: () => number): Promise<void>;
  begun(from: 'now' | 'start'): void;
  gained(share: HeldShare): void;
  /** Resolves once nothing runs any more that concerns the share. */
  ended(share: HeldShare): Promise<void>;
  failed(error: Error): void;
}

/** How often a member reports within its time. */
const REPORTS = 3;
/** How long to wait for another member that begins the group, in milliseconds. */
const BEGINNING_MS = 50;

/**
 * Keeps the shares of one process in a group. Time decides which process has a share, so two may have it for a moment,
 * for example after a pause; that every move of a position names the one before makes this harmless.
 */
export class ShareKeeper {
  readonly shares = new Map<number, HeldShare>();
  readonly member = randomUUID();
  private readonly givenUp = new Set<number>();
  private timer: NodeJS.Timeout | undefined;
  private reporting: Promise<void> = Promise.resolve();
  private beginning: Promise<void> | undefined;
  private mayBeginUntil = 0;
  private aliveUntil = 0;
  private isClosed = false;
  private isReporting = false;

  constructor(
    private readonly store: GroupStore,
    private readonly leaseMs: number,
    private readonly events: ShareEvents,
  ) {
    this.schedule(0);
  }

  /** Takes no more shares, and resolves once nothing runs in those that it has. */
  async close(): Promise<void> {
    this.isClosed = true;
    await Promise.all([...this.shares.values()].map((share) => this.end(share)));
    clearTimeout(this.timer);
    await this.reporting;
    await this.beginning; // of a group: what it sets must not come after what the next member sets
  }

  /** Ends without waiting, and aborts what runs. */
  stop(): void {
    this.isClosed = true;
    clearTimeout(this.timer);
    this.loseAll();
  }

  /** Leaves the group, so that others need not wait for the end of the lease. */
  async leave(): Promise<void> {
    await this.store.leave(this.member).catch(() => {}); // its time ends soon
  }

  private schedule(ms: number): void {
    this.timer = setTimeout(() => (this.reporting = this.report()), ms);
  }

  private async report(): Promise<void> {
    this.isReporting = true;
    const askedAt = monotonicMs();
    const givenUp = [...this.givenUp];
    let next = this.leaseMs / REPORTS;
    // a report without a reply fails when the lease ends; one that was sent too late may still find it unbroken
    const left = Math.ceil(this.aliveUntil - askedAt);
    const deadlineMs = left > 0 ? left : this.leaseMs;
    try {
      const { member, leaseMs, isClosed } = this;
      const membership = await this.store.report(member, {
        leaseMs,
        givenUp,
        isLeaving: isClosed,
        deadlineMs,
      });
      for (const share of givenUp) this.givenUp.delete(share);
      this.aliveUntil = askedAt + this.leaseMs;
      if (membership.begun) this.take(membership, membership.begun, new Set(givenUp));
      else {
        this.begin(membership);
        next = Math.min(next, BEGINNING_MS);
      }
      // those that ended meanwhile are wanted by others
      if (this.givenUp.size > 0) next = 0;
    } catch (error) {
      this.events.failed(error as Error);
      next = Math.min(next, 500);
      if (monotonicMs() >= this.aliveUntil) this.loseAll();
    }
    this.isReporting = false;
    if (!this.isClosed || this.shares.size > 0) this.schedule(next);
  }

  private begin({ isBeginner, aliveUntil }: Membership): void {
    if (!isBeginner || this.isClosed) return;
    this.mayBeginUntil = aliveUntil;
    this.beginning ??= this.events
      .begin(() => this.mayBeginUntil)
      .catch((error: Error) => this.events.failed(error))
      .finally(() => (this.beginning = undefined));
  }

  /** @param before shares that were given up with this report, so that they are not missed. */
  private take({ shares, fair }: Membership, begun: 'now' | 'start', before: ReadonlySet<number>): void {
    this.events.begun(begun);
    for (const [number, share] of this.shares) if (!shares.has(number)) this.lose(share);
    for (const [number, hasVanished] of this.isClosed ? [] : shares) {
      if (this.shares.has(number) || before.has(number) || this.givenUp.has(number)) continue;
      const proven = hasVanished ? new Set<number>() : undefined;
      const share: HeldShare = { number, lost: new AbortController(), isEnding: false, proven };
      this.shares.set(number, share);
      this.events.gained(share);
    }
    const kept = [...this.shares.values()].filter(({ isEnding }) => !isEnding);
    for (const share of kept.slice(fair)) void this.end(share);
  }

  private async end(share: HeldShare): Promise<void> {
    share.isEnding = true;
    await this.events.ended(share);
    if (this.shares.get(share.number) !== share) return;
    this.shares.delete(share.number);
    this.givenUp.add(share.number);
    if (this.isReporting) return; // the present report schedules the next one
    if (this.isClosed && this.shares.size === 0) return; // it leaves
    clearTimeout(this.timer);
    this.schedule(0);
  }

  /** Another process may have the share. */
  private lose(share: HeldShare): void {
    this.shares.delete(share.number);
    share.isEnding = true;
    share.lost.abort();
  }

  private loseAll(): void {
    for (const share of this.shares.values()) this.lose(share);
  }
}
