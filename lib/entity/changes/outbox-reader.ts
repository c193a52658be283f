import { unixMs } from '../../cluster/common/timers.js';
import { SLOT_COUNT } from '../../cluster/topology/key-slot.js';
import { isTransient } from '../../cluster/retry/transient.js';
import { countersOf, type EntityClient } from '../common/entity-client.js';
import type { EntityCounters } from '../../cluster/stats/entity-counters.js';
import { type OutboxEntry, entriesIn, timeOf } from './outbox-entry.js';
import { Limiter } from '../common/limiter.js';
import { outboxKey } from '../keys/outbox-key.js';
import type { Position } from './outbox-positions.js';
import { OUTBOX_SCRIPT } from './outbox-script.js';
import { ScriptCaller } from '../scripts/script-caller.js';
import type { Wakeable } from './wakeable.js';

/** The maximum number of entries per reply. */
const BATCH = 100;

/**
 * How many reads run concurrently when all outboxes are followed. There are 16,384 outboxes: reading all of them at
 * once would delay the calls of the application.
 */
export const READS_AT_ONCE = 128;

/** How long a reader waits after a transient failure, in milliseconds. */
const RETRY_MS = 200;

/** The entries after a position, or `'lost'` if some are missing. */
type Read = { readonly entries: readonly OutboxEntry[] } | 'lost';

/** How an outbox is followed. */
interface FollowOptions {
  readonly wake: Wakeable;
  readonly pollMs: number;
  /** Limits the concurrent reads of all outboxes that are followed together. */
  readonly limiter: Limiter;
  readonly signal: AbortSignal;
}

/** Reads the outboxes of one owner's partitions. It uses ordinary calls, so it needs no connections of its own. */
export class OutboxReader {
  private readonly scripts: ScriptCaller;
  private readonly counters: EntityCounters;
  // Readers at the same position of the same outbox share their reads.
  private readonly inFlight = new Map<string, Promise<Read>>();

  constructor(
    client: EntityClient,
    private readonly partitionName: string,
  ) {
    this.scripts = new ScriptCaller(client);
    this.counters = countersOf(client);
  }

  /** Returns the current end of an outbox. */
  async end(slot: number): Promise<Position> {
    const [, id] = await this.run(slot, 'now');
    return id.toString();
  }

  /** Returns the current ends of all existing outboxes, by slot. */
  async ends(): Promise<Map<number, Position>> {
    const limiter = new Limiter(READS_AT_ONCE);
    const slots = Array.from({ length: SLOT_COUNT }, (_, slot) => slot);
    const ends = await Promise.all(
      slots.map(async (slot) => [slot, await limiter.run(() => this.end(slot))] as const),
    );
    return new Map(ends.filter(([, position]) => position !== '0-0'));
  }

  /**
   * Passes new entries to `deliver` until the signal is aborted.
   *
   * @param wake is woken when there may be new entries, and when the signal is aborted. The reader polls as well.
   * @returns `'lost'` if entries are missing, or undefined after an abort.
   */
  async follow(
    slot: number,
    from: Position,
    deliver: (entry: OutboxEntry) => void,
    { wake, pollMs, limiter, signal }: FollowOptions,
  ): Promise<'lost' | undefined> {
    for (let at = from; !signal.aborted;) {
      wake.reset();
      const read = await limiter
        .run(() => this.read(slot, at))
        .catch((error: unknown) => {
          if (isTransient(error)) return undefined; // a failover, for example
          throw error;
        });
      if (signal.aborted) break;
      if (read === 'lost') return 'lost';
      for (const entry of read?.entries ?? []) {
        deliver(entry);
        at = entry.id;
        this.counters.outboxLagMs = Math.max(0, unixMs() - timeOf(at));
        if (signal.aborted) return undefined;
      }
      if (!read) await wake.wait(RETRY_MS);
      else if (read.entries.length < BATCH) await wake.wait(pollMs);
    }
    return undefined;
  }

  private read(slot: number, from: Position): Promise<Read> {
    const place = `${slot} ${from}`;
    const known = this.inFlight.get(place);
    if (known) return known;
    const read = this.run(slot, from)
      .then((answer) => readFrom(slot, answer))
      .finally(() => this.inFlight.delete(place));
    this.inFlight.set(place, read);
    return read;
  }

  private run(slot: number, from: string): Promise<Buffer[]> {
    const keys = [outboxKey(this.partitionName, slot)];
    return this.scripts.runForBytes(
      { script: OUTBOX_SCRIPT, keys, args: [from, String(BATCH)] },
      'always',
      {},
    );
  }
}

function readFrom(slot: number, [outcome, ...rest]: readonly Buffer[]): Read {
  return outcome.toString() === 'LOST' ? 'lost' : { entries: entriesIn(slot, rest) };
}
