import type {
  Commit,
  Condition,
  QueryRead,
  Refusal,
  RowRead,
  RowWrite,
  Values,
} from '../checker/partition-commit.js';
import { type SeatRow, UNIQUE, valuesOf } from './seat-row.js';

/** What one call reads and writes, noted while it runs. */
export class NotedCommit {
  private reads: RowRead[] = [];
  private queries: QueryRead[] = [];
  private writes: ((isDone: boolean) => RowWrite)[] = [];

  /** Forgets everything, because the function of a transaction runs again. */
  restart(): void {
    this.reads = [];
    this.queries = [];
    this.writes = [];
  }

  /** Whether there is nothing that could have been executed. */
  get isReading(): boolean {
    return this.writes.length === 0;
  }

  read(row: string, seat: SeatRow | null): void {
    const found = seat && { version: seat.version, values: valuesOf(seat) };
    this.reads.push({ row, found });
  }

  /** The call compares the version of a row. */
  expect({ id, version }: SeatRow): void {
    this.reads.push({ row: id, found: { version } });
  }

  query(where: readonly Condition[], seats: readonly SeatRow[]): void {
    this.queries.push({ where, found: seats.map(({ id }) => id) });
    for (const seat of seats) this.read(seat.id, seat);
  }

  insert(seat: SeatRow): void {
    const values = valuesOf(seat);
    this.writes.push((isDone) => ({
      row: seat.id,
      kind: 'insert',
      values,
      version: isDone ? seat.version : undefined,
    }));
  }

  /** The call replaces some values of a seat, of which it has those that were read. Afterwards it has its new version. */
  patch(seat: Pick<SeatRow, 'id' | 'version'> & Partial<SeatRow>, values: Values): void {
    // a value that is as it was read is not written
    const changed = Object.entries(values).filter(
      ([property, value]) => seat[property as keyof SeatRow] !== value,
    );
    this.writes.push((isDone) => ({
      row: seat.id,
      kind: 'patch',
      values: Object.fromEntries(changed),
      version: isDone ? seat.version : undefined,
    }));
  }

  remove(row: string, existed: () => boolean | undefined = () => undefined): void {
    this.writes.push((isDone) => ({ row, kind: 'remove', existed: isDone ? existed() : undefined }));
  }

  add(row: string, by: number, sum: () => number | undefined = () => undefined): void {
    this.writes.push((isDone) => ({
      row,
      kind: 'add',
      property: 'visits',
      by,
      sum: isDone ? sum() : undefined,
    }));
  }

  /** Returns the commit of a call that has ended. */
  commit(outcome: 'done' | 'unknown' | Refusal): Commit {
    const isDone = outcome === 'done';
    const refusal = isDone || outcome === 'unknown' ? undefined : outcome;
    // what was read need not be so when a write is refused because of another row
    const isReadChecked = refusal === undefined || refusal === 'conflict';
    return {
      reads: isReadChecked ? this.reads : [],
      queries: isReadChecked ? this.queries : [],
      writes: this.writes.map((write) => write(isDone)),
      unique: UNIQUE,
      refusal,
    };
  }
}
