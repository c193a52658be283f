import { randomUUID } from 'node:crypto';
import { clearTimeout, monotonicMs, setTimeout } from '../../cluster/common/timers.js';
import type { GroupStore, Membership } from './group-store.js';

/** A share of the slots that this process has. */
export interface HeldShare {
  readonly number: number;
  /** Aborted when another process may have the share. */
  readonly lost: AbortController;
  /** Whether it is being given up: nothing new begins, and what runs may end. */
  isEnding: boolean;
}

/** What a keeper reports to its follower. */
export interface ShareEvents {
  /** The group has not begun, and this process is to begin it by then, in milliseconds since 1970. */
  begin(until: number): Promise<void>;
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
  private aliveUntil = 0;
  private isClosed = false;
  private isBeginning = false;
  private isReporting = false;

  constructor(
    private readonly store: GroupStore,
    private readonly leaseMs: number,
    private readonly events: ShareEvents,
  ) {
    this.schedule(0);
  }

  /** Lets what runs end, then leaves the group. */
  async close(): Promise<void> {
    this.isClosed = true;
    const ending = [...this.shares.values()].map((share) => this.end(share));
    await Promise.all(ending);
    clearTimeout(this.timer);
    await this.reporting;
    await this.store.leave(this.member).catch(() => {}); // its time ends soon
  }

  /** Ends without waiting, because the client is closed. */
  stop(): void {
    this.isClosed = true;
    clearTimeout(this.timer);
    this.loseAll();
  }

  /** Aborts what runs. */
  abort(): void {
    for (const { lost } of this.shares.values()) lost.abort();
  }

  private schedule(ms: number): void {
    this.timer = setTimeout(() => (this.reporting = this.report()), ms);
  }

  private async report(): Promise<void> {
    this.isReporting = true;
    const askedAt = monotonicMs();
    const givenUp = [...this.givenUp];
    let next = this.leaseMs / REPORTS;
    try {
      const membership = await this.store.report(this.member, this.leaseMs, givenUp);
      for (const share of givenUp) this.givenUp.delete(share);
      this.aliveUntil = askedAt + this.leaseMs;
      if (membership.begun) this.take(membership, membership.begun, new Set(givenUp));
      else {
        this.begin(membership, Date.now() + this.leaseMs);
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

  private begin({ isBeginner }: Membership, until: number): void {
    if (!isBeginner || this.isBeginning) return;
    this.isBeginning = true;
    const done = (): void => void (this.isBeginning = false);
    this.events.begin(until).then(
      () => done(),
      (error: Error) => {
        done();
        this.events.failed(error);
      },
    );
  }

  /** @param before shares that were given up with this report, so that they are not missed. */
  private take({ shares, fair }: Membership, begun: 'now' | 'start', before: ReadonlySet<number>): void {
    this.events.begun(begun);
    for (const [number, share] of this.shares) if (!shares.has(number)) this.lose(share);
    for (const number of shares) {
      if (this.shares.has(number) || before.has(number) || this.givenUp.has(number)) continue;
      if (this.isClosed) continue;
      const share: HeldShare = { number, lost: new AbortController(), isEnding: false };
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
    if (this.isClosed || this.isReporting) return; // the present report schedules the next one
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
