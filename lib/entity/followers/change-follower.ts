import { ClientClosedError, ReplyError } from '../../cluster/common/errors.js';
import {
  clearInterval,
  clearTimeout,
  delay,
  LONGEST_TIMER_MS,
  setInterval,
  setTimeout,
} from '../../cluster/common/timers.js';
import { isTransient } from '../../cluster/retry/transient.js';
import { isGap } from '../../pubsub/messages/message-options.js';
import { SLOT_COUNT } from '../../cluster/topology/key-slot.js';
import { checkWhole } from '../common/argument-checks.js';
import { checkEntityOptions } from '../common/check-entity-options.js';
import { Limiter } from '../common/limiter.js';
import type { FollowedClasses } from '../changes/outbox-entry.js';
import { READS_AT_ONCE } from '../changes/outbox-reader.js';
import { outboxKey } from '../keys/outbox-key.js';
import type { KeyWalker } from '../keys/key-walker.js';
import { SlotKeys } from '../keys/slot-keys.js';
import type { TransactionContext } from '../transactions/transaction-context.js';
import { type AnyHandler, ChangeDelivery } from './change-delivery.js';
import type { ResolvedFollowOptions } from './follow-options.js';
import { type FollowerStatistics, newCounts } from './follower-statistics.js';
import { GroupStore, SHARES, shareOf } from './group-store.js';
import { type HeldShare, ShareKeeper } from './share-keeper.js';
import { type Again, SlotQueue } from './slot-queue.js';

/** The parts that a follower works with. */
export interface FollowerContext extends TransactionContext {
  readonly keys: KeyWalker;
}

/** How many slots one script counts the keys of, so that no call waits long. */
const COUNTED_AT_ONCE = 2_048;
/** The delay after a failure of the connection, in milliseconds. */
const RETRY_MS = 200;
/** The pause between two looks at all slots, in milliseconds. */
const LOOK_PAUSE_MS = 100;
/** Replies of a server that cannot write for a while. */
const PASSING: ReadonlySet<string> = new Set(['NOREPLICAS', 'MISCONF', 'OOM']);

/**
 * A process that follows changes as a member of a group. Create it with `ClusterRepository.follow()`.
 */
export class ChangeFollower {
  private readonly counts = newCounts();
  private readonly store: GroupStore;
  private readonly slots: SlotKeys;
  private readonly keeper: ShareKeeper;
  private readonly queue: SlotQueue;
  private readonly delivery: ChangeDelivery;
  private readonly polling: NodeJS.Timeout;
  private readonly subscriptions = new Map<HeldShare, () => void>();
  private readonly started: Promise<void>;
  private start!: () => void;
  private stop!: (error: Error) => void;
  private begun: 'now' | 'start' = 'now';
  private closing: Promise<void> | undefined;
  private readonly abandoned: Promise<void>;
  private abandon!: () => void;
  private isLooking = false;
  private wantsLook = false;

  /** @internal */
  constructor(
    private readonly context: FollowerContext,
    private readonly classes: FollowedClasses,
    readonly group: string,
    handler: AnyHandler,
    private readonly options: ResolvedFollowOptions,
    private readonly left: () => void,
  ) {
    this.started = new Promise((resolve, reject) => {
      this.start = resolve;
      this.stop = reject;
    });
    this.started.catch(() => {}); // ready() reports it
    this.abandoned = new Promise((resolve) => (this.abandon = resolve));
    this.store = new GroupStore(context.client, classes.partitionName, group);
    this.slots = new SlotKeys(context.client, '');
    this.delivery = new ChangeDelivery(context, this.store, classes, handler, options, this.counts);
    this.queue = new SlotQueue(
      (slot) => this.keeper.shares.get(shareOf(slot)),
      (slot, share) => this.drain(slot, share),
    );
    this.keeper = new ShareKeeper(this.store, options.leaseMs, {
      begin: (until) => this.begin(until),
      begun: (from) => {
        this.begun = from;
        this.start();
      },
      gained: (share) => this.gain(share),
      ended: (share) => this.end(share),
      failed: (error) => this.fail(error),
    });
    this.polling = setInterval(() => this.look(), options.pollMs);
  }

  /**
   * Resolves once the group has begun: every change that is committed from then on is handled by one of its processes.
   *
   * @throws ClientClosedError if the follower or its client is closed before.
   * @throws ReplyError if a server rejects what the group needs, for want of a permission for example. The follower goes
   *   on trying.
   */
  ready(): Promise<void> {
    return this.started;
  }

  get statistics(): FollowerStatistics {
    return { group: this.group, ...this.counts, shares: this.keeper.shares.size };
  }

  /**
   * Ends the follower: begins nothing more, waits for handlers that run, and leaves the slots to other processes.
   *
   * @param options.timeoutMs how long to wait for handlers. Then their signals are aborted, and the promise resolves even
   *   if they go on. By default, it waits for them, however long they take.
   * @throws InvalidArgumentError for an invalid option; the follower goes on.
   */
  async close(options: { timeoutMs?: number | undefined } = {}): Promise<void> {
    checkEntityOptions('close() of a follower', options);
    const { timeoutMs } = options;
    if (timeoutMs !== undefined) checkWhole('timeoutMs', timeoutMs, 0, LONGEST_TIMER_MS, 'milliseconds');
    clearInterval(this.polling);
    this.stop(new ClientClosedError());
    this.closing ??= this.leave();
    if (timeoutMs === undefined) return this.closing;
    const timer = setTimeout(() => {
      this.keeper.stop();
      this.abandon();
    }, timeoutMs);
    return this.closing.finally(() => clearTimeout(timer));
  }

  private async leave(): Promise<void> {
    // handlers of shares that were lost may run, too
    const ended = this.keeper.close().then(() => this.queue.settle(() => true));
    await Promise.race([ended, this.abandoned]);
    await this.keeper.leave();
    for (const unsubscribe of this.subscriptions.values()) unsubscribe();
    this.left();
  }

  /** Sets where a new group begins, in every slot that has keys. */
  private async begin(until: () => number): Promise<void> {
    if (this.options.from === 'now') {
      const limiter = new Limiter(READS_AT_ONCE);
      const slots = await this.slotsWithKeys();
      const beginIn = async (slot: number): Promise<void> => {
        if (!this.closing) await this.store.begin(slot, until());
      };
      await Promise.all(slots.map((slot) => limiter.run(() => beginIn(slot))));
    }
    if (!this.closing) await this.store.markBegun(this.keeper.member, this.options.from);
  }

  private gain(share: HeldShare): void {
    this.look();
    share.lost.signal.addEventListener('abort', () => this.unsubscribe(share));
    this.listen(share).catch((error: unknown) => this.fail(error as Error));
  }

  private async end(share: HeldShare): Promise<void> {
    this.unsubscribe(share);
    await this.queue.settle((slot) => shareOf(slot) === share.number);
  }

  private unsubscribe(share: HeldShare): void {
    this.subscriptions.get(share)?.();
    this.subscriptions.delete(share);
  }

  /** Reads every slot that may have changes, after those calls that are on their way. */
  private look(): void {
    this.wantsLook = true;
    if (!this.isLooking) void this.lookOften();
  }

  private async lookOften(): Promise<void> {
    this.isLooking = true;
    while (this.wantsLook && !this.closing) {
      this.wantsLook = false;
      try {
        for (const slot of await this.slotsWithKeys()) this.queue.wake(slot);
      } catch (error) {
        this.fail(error as Error);
        this.wantsLook = true;
      }
      await delay(LOOK_PAUSE_MS);
    }
    this.isLooking = false; // in the same step as the condition, so that no wish is missed
  }

  private async slotsWithKeys(): Promise<number[]> {
    const found: number[] = [];
    for (let from = 0; from < SLOT_COUNT; from += COUNTED_AT_ONCE)
      for (const [slot] of await this.slots.counts(from, from + COUNTED_AT_ONCE)) found.push(slot);
    return found;
  }

  /** Lets writers wake the slots of a share. Without these notifications, the follower polls. */
  private async listen(share: HeldShare): Promise<void> {
    const { pubsub } = this.context.client;
    const prefix = await this.context.keys.prefix();
    if (!pubsub || share.isEnding) return;
    const slots = new Map<string, number>();
    for (let slot = share.number; slot < SLOT_COUNT; slot += SHARES)
      slots.set(prefix + outboxKey(this.classes.partitionName, slot), slot);
    const names = [...slots.keys()];
    // a gap: notifications may have been lost, by a failover for example
    const subscription = pubsub.sharded(names, { codec: 'text', gaps: true }).subscribe({
      next: (item) => (isGap(item) ? this.look() : this.queue.wake(slots.get(item.channel)!)),
      error: () => {}, // not permitted, for example
    });
    this.subscriptions.set(share, () => subscription.unsubscribe());
    await pubsub.ready(names).catch(() => {});
    this.look(); // earlier notifications had no listener
  }

  private async drain(slot: number, share: HeldShare): Promise<Again> {
    try {
      return await this.delivery.drain(slot, this.begun, share);
    } catch (error) {
      this.fail(error as Error);
      return { afterMs: RETRY_MS };
    }
  }

  /** Failures that pass by themselves are not reported: they are tried again. */
  private fail(error: Error): void {
    if (error instanceof ClientClosedError) {
      this.keeper.stop();
      void this.close({ timeoutMs: 0 });
    } else if (!isTransient(error)) {
      // has no effect once the group has begun
      if (error instanceof ReplyError && !PASSING.has(error.code)) this.stop(error);
      this.options.onError(error);
    }
  }
}
