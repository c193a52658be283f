import type { EntityRegistry } from 'keyslot';
import { MOST_HELD, Sale, Seat, SWAPPERS } from './model.js';
import type { PartitionTruth } from './partition-truth.js';
import { Tallies } from './tallies.js';
import { pickKnown, type Worker } from './worker.js';

/** Ids, which were codes at the beginning, of the seats that belong to nobody. */
export const SHARED_SEATS = ['pillar', ...Array.from({ length: SWAPPERS }, (_, i) => `swap${i}`)];

type Written = Worker['sold'];

/** Where a partition is not as its workers were told. */
export function disagreements(truth: PartitionTruth, workers: readonly Worker[]): string[] {
  const found = new Tallies();
  for (const { seats, sales } of workers) {
    for (const [id, due] of seats) found.expect(`seat ${id}`, seatIn(truth, id), pickKnown(due));
    for (const [id, hits] of sales) found.expect(`sale ${id}`, hitsIn(truth, id), hits);
  }
  const known = new Set(SHARED_SEATS);
  for (const { seats, sales, doubtful } of workers)
    for (const id of [...seats.keys(), ...sales.keys(), ...doubtful]) known.add(id);
  const unknown = [...truth.rows.LoadSeat.keys(), ...truth.rows.LoadSale.keys()].filter(
    (id) => !known.has(id),
  );
  found.expect('rows that nobody knows of', unknown, []);
  const codes = SHARED_SEATS.map((id) => truth.rows.LoadSeat.get(id)?.code).toSorted();
  found.expect('codes that were swapped', codes, SHARED_SEATS.toSorted());
  const within = (what: string, value: number, parts: readonly Written[]): void => {
    const least = parts.reduce((sum, part) => sum + part.least, 0);
    const most = parts.reduce((sum, part) => sum + part.most, 0);
    if (!(value >= least && value <= most)) found.expect(what, value, `${least} to ${most}`);
  };
  within(
    'sold',
    Number(truth.owner.sold),
    workers.map(({ sold }) => sold),
  );
  within(
    'tally',
    Number(truth.owner.tally),
    workers.map(({ tallied }) => tallied),
  );
  const held = [...truth.rows.LoadSeat.values()].filter(({ state }) => state === 'held').length;
  within('held', held, [{ least: 0, most: MOST_HELD }]);
  return found.wrong;
}

/** What our own upkeep finds in a partition. */
export async function issuesOf(registry: EntityRegistry, partition: string): Promise<string[]> {
  const found: string[] = [];
  for (const seats of [registry.repository(Seat), registry.repository(Sale)])
    for await (const issue of seats.verifyIndexes({ partition })) found.push(JSON.stringify(issue));
  return found;
}

function seatIn({ rows }: PartitionTruth, id: string): object | undefined {
  const row = rows.LoadSeat.get(id);
  if (!row) return undefined;
  const { code, state, rank, note, '~v': version } = row;
  return pickKnown({ code, state, note, rank: Number(rank), version: Number(version) });
}

function hitsIn({ rows }: PartitionTruth, id: string): number | undefined {
  const row = rows.LoadSale.get(id);
  return row && Number(row.hits ?? 0);
}
