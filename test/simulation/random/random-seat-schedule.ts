import { randomBelow, seededRandom } from '../../../lib/testing/memory/keyspace/random.js';
import { SEAT_CALL_NAMES } from '../entities/seat-calls.js';
import { SEAT_IDS } from '../entities/seat-row.js';
import { pick } from './pick.js';
import { randomSchedule, TAGS } from './random-schedule.js';
import type { Schedule, SeatCall } from '../schedules/schedule.js';

/** How long calls begin. */
const LENGTH_MS = 2_500;
/** Partitions whose slots are in different shards. */
export const HALLS: readonly string[] = ['h0', 'h2', 'h5'];

/** Returns by what a partition recognizes repeated writes. */
export const idempotencyOf = (hall: string): keyof typeof SEAT_CALL_NAMES =>
  hall === HALLS[0] ? 'row' : 'window';

/** Returns a random schedule with the faults of `randomSchedule(seed)`, and calls of entities in the place of plain ones. */
export function randomSeatSchedule(seed: number): Schedule {
  const plain = randomSchedule(seed);
  const random = seededRandom(seed + 0x5ea7);
  const faults = plain.faults.map((fault) =>
    fault.fault === 'move' ? { ...fault, tag: `Hall:${HALLS[TAGS.indexOf(fault.tag)]}` } : fault,
  );
  const times = Array.from({ length: 30 + randomBelow(random, 30) }, () =>
    // half of the calls are under way when a fault begins
    random() < 0.5
      ? Math.round(random() * LENGTH_MS)
      : pick(random, faults).at - 4 + Math.round(random() * 5),
  );
  const callOf = (at: number, serial: number, hall: string, call: Partial<SeatCall> = {}): SeatCall => ({
    at,
    client: randomBelow(random, 2),
    hall,
    name: pick(random, SEAT_CALL_NAMES[idempotencyOf(hall)]),
    id: pick(random, SEAT_IDS),
    other: pick(random, SEAT_IDS),
    serial,
    ...call,
  });
  // most calls want rows
  const first = HALLS.flatMap((hall) => [
    { hall, name: 'swap', id: SEAT_IDS[0], other: SEAT_IDS[1] } as const,
    { hall, name: 'swap', id: SEAT_IDS[2], other: SEAT_IDS[3] } as const,
  ]);
  const seats = [
    ...first.map((call, serial) => callOf(0, serial, call.hall, call)),
    ...times
      .map((at) => Math.max(0, at))
      .toSorted((a, b) => a - b)
      .map((at, serial) => callOf(at, first.length + serial, pick(random, HALLS))),
  ];
  return { ...plain, faults, calls: [], seats };
}
