import { SLOT_COUNT } from '../../cluster/topology/key-slot.js';
import { isTransient } from '../../cluster/retry/transient.js';
import type { EntityClient } from '../common/entity-client.js';
import type { OutboxEntry } from './entity-change.js';
import { Limiter } from '../common/limiter.js';
import { outboxKey } from '../keys/outbox-key.js';
import type { Position } from './outbox-positions.js';
import { OUTBOX_SCRIPT } from './outbox-script.js';
import { ScriptCaller } from '../scripts/script-caller.js';
import type { Wakeable } from './wakeable.js';

/** Entries of one answer. */
const BATCH = 100;

/**
 * Reads under way at once where all outboxes are followed. There are 16,384 of them: read all at once, they would keep
 * calls of the application waiting behind them.
 */
export const READS_AT_ONCE = 128;

/** How long a reader waits after a read that failed for the moment. */
const RETRY_MS = 200;

/** What was read behind a position: entries with their ids; or that some are missing. */
type Read = { readonly entries: readonly (readonly [id: string, entry: OutboxEntry])[] } | 'lost';

/** How an outbox is followed. */
interface FollowOptions {
  readonly wake: Wakeable;
  readonly pollMs: number;
  /** Shared by the outboxes that are followed together. */
  readonly limiter: Limiter;
  readonly signal: AbortSignal;
}

/** Reads the outboxes of the partitions of one owner: by calls like any other, so it takes no connections. */
export class OutboxReader {
  private readonly scripts: ScriptCaller;
  // Readers of one outbox that are at one place share their reads.
  private readonly underWay = new Map<string, Promise<Read>>();

  constructor(
    client: EntityClient,
    private readonly partitionName: string,
  ) {
    this.scripts = new ScriptCaller(client);
  }

  /** Where the end of an outbox is now. */
  async end(slot: number): Promise<Position> {
    const [, id] = await this.run(slot, 'now');
    return id as Position;
  }

  /** The ends of all outboxes that there are, by their slots. */
  async ends(): Promise<Map<number, Position>> {
    const limiter = new Limiter(READS_AT_ONCE);
    const slots = Array.from({ length: SLOT_COUNT }, (_, slot) => slot);
    const ends = await Promise.all(
      slots.map(async (slot) => [slot, await limiter.run(() => this.end(slot))] as const),
    );
    return new Map(ends.filter(([, position]) => position !== '0-0'));
  }

  /**
   * Gives entries to `deliver` as they come, until the signal ends it.
   *
   * @param wake is woken when there may be new ones, and when the signal is aborted; besides, they are looked for every so many milliseconds.
   * @returns 'lost' where entries are missing; undefined when it was ended.
   */
  async follow(
    slot: number,
    from: Position,
    deliver: (id: string, entry: OutboxEntry) => void,
    { wake, pollMs, limiter, signal }: FollowOptions,
  ): Promise<'lost' | undefined> {
    for (let at = from; !signal.aborted;) {
      wake.reset();
      const read = await limiter
        .run(() => this.read(slot, at))
        .catch((error: unknown) => {
          if (isTransient(error)) return undefined; // by a failover, say
          throw error;
        });
      if (signal.aborted) break;
      if (read === 'lost') return 'lost';
      for (const [id, entry] of read?.entries ?? []) {
        deliver(id, entry);
        at = id;
        if (signal.aborted) return undefined;
      }
      if (!read) await wake.wait(RETRY_MS);
      else if (read.entries.length < BATCH) await wake.wait(pollMs);
    }
    return undefined;
  }

  private read(slot: number, from: Position): Promise<Read> {
    const place = `${slot} ${from}`;
    const known = this.underWay.get(place);
    if (known) return known;
    const read = this.run(slot, from)
      .then(readFrom)
      .finally(() => this.underWay.delete(place));
    this.underWay.set(place, read);
    return read;
  }

  private run(slot: number, from: string): Promise<unknown[]> {
    const keys = [outboxKey(this.partitionName, slot)];
    return this.scripts.run({ script: OUTBOX_SCRIPT, keys, args: [from, String(BATCH)] }, 'always');
  }
}

function readFrom([outcome, ...rest]: readonly unknown[]): Read {
  if (outcome === 'LOST') return 'lost';
  const entries: (readonly [string, OutboxEntry])[] = [];
  for (let i = 0; i < rest.length; i += 2) entries.push([rest[i] as string, rest[i + 1] as OutboxEntry]);
  return { entries };
}
