import type { PartitionTransaction } from 'keyslot';
import type { Condition } from '../checker/partition-commit.js';
import type { NotedCommit } from './noted-commit.js';
import type { RecordedHall } from './recorded-hall.js';
import { SEAT_IDS, type SeatRow } from './seat-row.js';

/** What a call is made with: two seats, and a number that no other call has. */
export interface SeatArguments {
  readonly id: string;
  readonly other: string;
  readonly serial: number;
}

/** Makes a call that is recorded. Resolves with whether it was done. */
type SeatCall = (hall: RecordedHall, given: SeatArguments) => Promise<boolean>;

/** A transaction with what it needs, for its function. */
interface Running {
  readonly tx: PartitionTransaction;
  readonly noted: NotedCommit;
  readonly hall: RecordedHall;
}

/** The most seats that transactions hold at a time: only as good as their query is. */
const MOST_HELD = 2;
const MIDDLE_RANK = 50;

const stateOf = (serial: number): string => (serial % 2 === 0 ? 'free' : 'held');
/** A value that others may have. */
const sharedBadge = (serial: number): string => `b${serial % 5}`;

const newSeat = (
  { seats, hallId }: RecordedHall,
  id: string,
  serial: number,
  badge = `u${serial}`,
): SeatRow =>
  seats.create({ hallId, id, badge, state: stateOf(serial), rank: serial % 100, note: `n${serial}` });

const inTransaction =
  (work: (running: Running, given: SeatArguments) => Promise<void>): SeatCall =>
  (hall, given) =>
    hall.commit((noted) =>
      hall.seats.transaction(hall.hallId, async (tx) => {
        noted.restart();
        await work({ tx, noted, hall }, given);
      }),
    );

async function get({ tx, noted, hall }: Running, id: string): Promise<SeatRow | null> {
  const seat = await tx.get(hall.type, hall.keyOf(id));
  noted.read(id, seat);
  return seat;
}

async function findHeld({ tx, noted, hall }: Running): Promise<SeatRow[]> {
  const found = await tx.find(hall.type, { hallId: hall.hallId, state: 'held' });
  noted.query([['state', 'is', 'held']], found);
  return found;
}

async function findHighFree({ tx, noted, hall }: Running): Promise<SeatRow[]> {
  const found = await tx.find(hall.type, { hallId: hall.hallId, state: 'free', rank: { gte: MIDDLE_RANK } });
  const where: Condition[] = [
    ['state', 'is', 'free'],
    ['rank', 'atLeast', MIDDLE_RANK],
  ];
  noted.query(where, found);
  return found;
}

/** Changes a seat that was read, or inserts it. */
function write(
  { tx, noted, hall }: Running,
  id: string,
  seat: SeatRow | null,
  serial: number,
  state?: string,
): void {
  if (seat === null) {
    const added = Object.assign(newSeat(hall, id, serial), state === undefined ? {} : { state });
    noted.insert(added);
    return tx.insert(added);
  }
  const values = { state: state ?? seat.state, note: `n${serial}` };
  noted.patch(seat, values);
  tx.save(Object.assign(seat, values));
}

/** The calls that are made, by their names. */
const CALLS = {
  read: (hall, { id }) =>
    hall.commit(async (noted) => noted.read(id, await hall.seats.findOne(hall.keyOf(id)))),

  insert: (hall, { id, serial }) =>
    hall.commit(async (noted) => {
      const seat = newSeat(hall, id, serial, sharedBadge(serial));
      noted.insert(seat);
      await hall.seats.insert(seat);
    }),

  save: async (hall, { id, serial }) => {
    const read: { seat: SeatRow | null } = { seat: null };
    await hall.commit(async (noted) => {
      read.seat = await hall.seats.findOne(hall.keyOf(id));
      noted.read(id, read.seat);
    });
    const { seat } = read;
    if (seat === null) return false;
    return hall.commit(async (noted) => {
      const values = { state: stateOf(serial), rank: serial % 100, note: `n${serial}` };
      noted.expect(seat);
      noted.patch(seat, values);
      await hall.seats.save(Object.assign(seat, values));
    });
  },

  /** Releases a unique value and claims another. */
  update: (hall, { id, serial }) =>
    hall.commit(async (noted) => {
      const values = { badge: sharedBadge(serial), note: `n${serial}` };
      const written = { id, version: 0 };
      noted.patch(written, values);
      Object.assign(written, await hall.seats.update(hall.keyOf(id), values));
    }),

  delete: (hall, { id }) =>
    hall.commit(async (noted) => {
      let existed: boolean | undefined;
      noted.remove(id, () => existed);
      existed = (await hall.seats.delete(hall.keyOf(id))).deleted;
    }),

  count: (hall, { id, serial }) =>
    hall.commit(async (noted) => {
      const by = 1 + (serial % 3);
      let sum: number | undefined;
      noted.add(id, by, () => sum);
      sum = Number(await hall.seats.increment(hall.keyOf(id), 'visits', by));
    }),

  /** Writes two rows that it has read, of which each may be missing. */
  swap: inTransaction(async (running, { id, other, serial }) => {
    const [one, two] = [await get(running, id), id === other ? null : await get(running, other)];
    write(running, id, one, serial, two?.state);
    if (id !== other) write(running, other, two, serial, one?.state);
  }),

  /** Inserts a row that is missing, and removes it otherwise. */
  turn: inTransaction(async (running, { id, serial }) => {
    const seat = await get(running, id);
    if (seat === null) return write(running, id, seat, serial);
    running.noted.remove(id);
    running.tx.remove(seat);
  }),

  /** Holds a seat where few are held, and lets one go otherwise. */
  hold: inTransaction(async (running, { id, serial }) => {
    const held = await findHeld(running);
    const [first] = held;
    if (held.length >= MOST_HELD) return write(running, first.id, first, serial, 'free');
    const known = held.find((seat) => seat.id === id);
    write(running, id, known ?? (await get(running, id)), serial, 'held');
  }),

  /** Decides about one row by what it reads of others. */
  judge: inTransaction(async (running, { id, other, serial }) => {
    const high = await findHighFree(running);
    const known = high.find((seat) => seat.id === id);
    const seat = known ?? (await get(running, id));
    write(running, id, seat, serial, high.length > 1 ? 'held' : 'free');
    if (id === other) return;
    running.noted.add(other, 1);
    running.tx.increment(running.hall.type, running.hall.keyOf(other), 'visits');
  }),

  /** Only reads. */
  look: inTransaction(async (running) => {
    const found = [...(await findHeld(running)), ...(await findHighFree(running))];
    for (const id of SEAT_IDS) if (!found.some((seat) => seat.id === id)) await get(running, id);
  }),
} as const satisfies Readonly<Record<string, SeatCall>>;

export type SeatCallName = keyof typeof CALLS;

export const SEAT_CALLS: Readonly<Record<SeatCallName, SeatCall>> = CALLS;

const ALL = Object.keys(CALLS) as readonly SeatCallName[];

/**
 * The calls whose outcome follows from the promises, for rows with and without a token window. Without it, an insert
 * that is sent again after somebody has deleted the row is done again, so no row is deleted.
 */
export const SEAT_CALL_NAMES = {
  window: ALL,
  row: ALL.filter((name) => name !== 'delete' && name !== 'turn'),
};
