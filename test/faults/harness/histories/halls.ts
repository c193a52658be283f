import { setTimeout as delay } from 'node:timers/promises';
import * as keyslot from 'keyslot';
import { createRepositories, keySlot, type ClusterClient, type EntityRegistry } from 'keyslot';
import type { LossWindow } from '../../../simulation/checker/history.js';
import { PARTITION } from '../../../simulation/checker/models/partition.js';
import { executedOf, RecordedHall, type CommitRecord } from '../../../simulation/entities/recorded-hall.js';
import { SEAT_CALL_NAMES, SEAT_CALLS, type SeatCallName } from '../../../simulation/entities/seat-calls.js';
import { SEAT_IDS } from '../../../simulation/entities/seat-row.js';
import { seatClasses } from '../../../simulation/entities/seat.js';
import { judgeHistory, type HistoryFigures } from './verdicts.js';

/** Callers of each partition, and the pause of each after a call, in ms. */
const CALLERS = 2;
const PAUSE_MS = 60;
/** How often the state at the end is read at most. */
const ATTEMPTS = 5;
let series = 0;

const { Hall, Seat, Stool } = seatClasses(keyslot);
/** The class of the rows of a partition, by what recognizes repeated writes. */
const TYPES = { window: Seat, row: Stool };

/** Returns the repositories of the recorded rows. */
export const seatsOf = (client: ClusterClient): EntityRegistry =>
  createRepositories(client, [Hall, Seat, Stool]);

/** A partition, and the calls that are made in it. */
interface CalledHall {
  readonly hall: RecordedHall;
  readonly names: readonly SeatCallName[];
}

/** Callers that read and write the same few rows of some partitions, in transactions and without; all is recorded. */
export class Halls {
  /** Calls that ended with an error other than a refusal, by its code. */
  readonly errors = new Map<string, number>();
  private readonly record: CommitRecord = {
    operations: [],
    now: () => performance.now(),
    onError: (code) => void this.errors.set(code, (this.errors.get(code) ?? 0) + 1),
  };
  private readonly halls: readonly CalledHall[];
  private readonly callers: readonly Promise<void>[];
  private readonly stopping = new AbortController();
  private serial = 0;

  /** @param slots those of each shard: each gets a partition in one of them. */
  constructor(registry: EntityRegistry, slots: readonly (readonly number[])[]) {
    const name = `${process.pid}x${series++}`;
    this.halls = slots
      .filter((own) => own.length > 0)
      .map((own, at) => {
        const id = idIn(new Set(own), name);
        const idempotency = at === 0 ? 'row' : 'window';
        const type = TYPES[idempotency];
        const seats = registry.repository(type);
        const hall = new RecordedHall(id, `{Hall:${id}}`, seats, type, this.record);
        return { hall, names: SEAT_CALL_NAMES[idempotency] };
      });
    this.callers = this.halls.flatMap((hall) =>
      Array.from({ length: CALLERS }, () => this.keepCalling(hall)),
    );
  }

  /** Ends the calls. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await Promise.all(this.callers);
  }

  /**
   * Reads what is left, and checks all calls.
   *
   * @param lost when servers may have lost writes.
   */
  async judge(lost: readonly Omit<LossWindow, 'key'>[]): Promise<HistoryFigures> {
    for (const { hall } of this.halls)
      for (let made = 0; made < ATTEMPTS; made++) if (await this.look(hall)) break;
    const operations = executedOf(this.record);
    const keys = new Set(operations.map(({ key }) => key));
    const losses = [...keys].flatMap((key) => lost.map((window) => ({ key, ...window })));
    return judgeHistory({ operations, losses }, () => PARTITION);
  }

  private look(hall: RecordedHall): Promise<boolean> {
    return SEAT_CALLS.look(hall, this.arguments());
  }

  private async keepCalling({ hall, names }: CalledHall): Promise<void> {
    while (!this.stopping.signal.aborted) {
      await SEAT_CALLS[anyOf(names)](hall, this.arguments());
      await delay(PAUSE_MS);
    }
  }

  private arguments(): { id: string; other: string; serial: number } {
    return { id: anyOf(SEAT_IDS), other: anyOf(SEAT_IDS), serial: ++this.serial };
  }
}

const anyOf = <T>(items: readonly T[]): T => items[Math.floor(Math.random() * items.length)];

/** Returns the id of a partition in one of the slots. */
function idIn(slots: ReadonlySet<number>, name: string): string {
  for (let at = 0; ; at++) if (slots.has(keySlot(`{Hall:${name}-${at}}`))) return `${name}-${at}`;
}
