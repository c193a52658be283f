import { Observable, type Subscriber } from 'rxjs';
import { ClientClosedError } from '../../cluster/common/errors.js';
import { LONGEST_TIMER_MS } from '../../cluster/common/timers.js';
import { checkWhole } from '../common/argument-checks.js';
import { SLOT_COUNT, keySlot } from '../../cluster/topology/key-slot.js';
import type { EntityChange } from './entity-change.js';
import { type FollowedClasses, changeFrom } from './outbox-entry.js';
import { Limiter } from '../common/limiter.js';
import type { EntityClient } from '../common/entity-client.js';
import { ChangesLostError } from '../common/entity-errors.js';
import { checkRecorded } from './followed-classes.js';
import type { KeyWalker } from '../keys/key-walker.js';
import { outboxKey } from '../keys/outbox-key.js';
import { OutboxPositions } from './outbox-positions.js';
import { OutboxReader, READS_AT_ONCE } from './outbox-reader.js';
import { Wakeable } from './wakeable.js';

/** Options of `changes`. */
export interface ChangesOptions {
  /** Where to start: after the change with this cursor, or at `'start'` for everything that is kept. By default now. */
  from?: string | undefined;
  /**
   * How often to poll for changes, in milliseconds: by default every second, or every 30 seconds if you follow all
   * partitions. Writers notify readers by sharded pub/sub, so polling matters only if that is not allowed, or if a
   * notification was lost.
   */
  pollMs?: number | undefined;
}

const POLL_MS = 1_000;
const POLL_ALL_MS = 30_000;

/** Follows the changes that commits append to the outboxes. */
export class ChangeFeed {
  private readonly readers = new Map<string, OutboxReader>();

  constructor(
    private readonly client: EntityClient,
    private readonly keys: KeyWalker,
  ) {}

  /**
   * Returns the changes of classes in one partition, or in all.
   *
   * @throws InvalidArgumentError if a class does not record changes, or an option is invalid.
   */
  changes(
    classes: FollowedClasses,
    tag: string | undefined,
    options: ChangesOptions,
  ): Observable<EntityChange> {
    checkRecorded(classes);
    const slot = tag === undefined ? undefined : keySlot(tag);
    const { from, pollMs = slot === undefined ? POLL_ALL_MS : POLL_MS } = options;
    checkWhole('pollMs', pollMs, 1, LONGEST_TIMER_MS, 'milliseconds');
    const given = from === undefined ? undefined : positionsFrom(from, slot);
    return new Observable<EntityChange>((subscriber) => {
      const abort = new AbortController();
      const positions = async (): Promise<OutboxPositions> => given ?? this.now(classes, slot);
      positions()
        .then((begin) => this.follow(classes, tag, begin, pollMs, subscriber, abort.signal))
        .catch((error: unknown) => {
          if (error instanceof ClientClosedError) subscriber.complete();
          else subscriber.error(error);
        });
      return () => abort.abort();
    });
  }

  /** Returns a cursor after everything that has been committed so far. */
  async cursor(classes: FollowedClasses, tag: string | undefined): Promise<string> {
    checkRecorded(classes);
    return (await this.now(classes, tag === undefined ? undefined : keySlot(tag))).cursor;
  }

  private async now({ partitionName }: FollowedClasses, slot: number | undefined): Promise<OutboxPositions> {
    const reader = this.reader(partitionName);
    const ends = slot === undefined ? await reader.ends() : new Map([[slot, await reader.end(slot)]]);
    let positions = OutboxPositions.none(slot);
    for (const [of, position] of ends) positions = positions.with(of, position);
    return positions;
  }

  private async follow(
    classes: FollowedClasses,
    tag: string | undefined,
    begin: OutboxPositions,
    pollMs: number,
    subscriber: Subscriber<EntityChange>,
    signal: AbortSignal,
  ): Promise<void> {
    if (signal.aborted) return;
    const reader = this.reader(classes.partitionName);
    const wakeables = new Map<number, Wakeable>();
    signal.addEventListener('abort', () => {
      for (const { wake } of wakeables.values()) wake();
    });
    const limiter = new Limiter(READS_AT_ONCE);
    let positions = begin;
    const followSlot = async (slot: number): Promise<void> => {
      const wake = new Wakeable();
      wakeables.set(slot, wake);
      const outcome = await reader.follow(
        slot,
        begin.at(slot),
        (entry) => {
          positions = positions.with(slot, entry.id);
          const change = changeFrom(classes, entry, tag);
          if (change) subscriber.next(withCursor(change, positions));
        },
        { wake, pollMs, limiter, signal },
      );
      if (outcome === 'lost')
        throw new ChangesLostError(classes.partitionName, positions.with(slot, 'start').cursor);
    };
    const slots = begin.slot === undefined ? allSlots() : [begin.slot];
    const followed = Promise.all(slots.map(followSlot));
    await Promise.all([followed, this.listen(classes, wakeables, signal)]);
  }

  /** Lets writers wake the readers of outboxes. Without these notifications, readers poll. */
  private async listen(
    { partitionName }: FollowedClasses,
    wakeables: ReadonlyMap<number, Wakeable>,
    signal: AbortSignal,
  ): Promise<void> {
    const { pubsub } = this.client;
    if (!pubsub) return;
    const prefix = await this.keys.prefix().catch(() => undefined);
    if (prefix === undefined || signal.aborted) return;
    const channels = new Map(
      [...wakeables].map(([slot, { wake }]) => [prefix + outboxKey(partitionName, slot), wake] as const),
    );
    const names = [...channels.keys()];
    const subscription = pubsub.sharded(names, { codec: 'text' }).subscribe({
      next: ({ channel }) => channels.get(channel)?.(),
      error: () => {}, // not permitted, for example
    });
    signal.addEventListener('abort', () => subscription.unsubscribe());
    await pubsub.ready(names).catch(() => {});
    for (const { wake } of wakeables.values()) wake(); // earlier notifications had no listener
  }

  private reader(partitionName: string): OutboxReader {
    let reader = this.readers.get(partitionName);
    if (!reader) this.readers.set(partitionName, (reader = new OutboxReader(this.client, partitionName)));
    return reader;
  }
}

function positionsFrom(from: string, slot: number | undefined): OutboxPositions {
  if (from !== 'start') return OutboxPositions.parse(from, slot);
  let positions = OutboxPositions.none(slot);
  for (const each of slot === undefined ? allSlots() : [slot]) positions = positions.with(each, 'start');
  return positions;
}

const allSlots = (): number[] => Array.from({ length: SLOT_COUNT }, (_, slot) => slot);

/** Adds the cursor to a change. Its text is computed on first access. */
function withCursor(change: object, positions: OutboxPositions): EntityChange {
  return Object.defineProperty(change, 'cursor', {
    enumerable: true,
    get: () => positions.cursor,
  }) as EntityChange;
}
