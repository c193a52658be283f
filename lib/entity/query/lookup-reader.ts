import type { EntryReader } from './index-reader.js';
import type { Direction } from '../planning/query-order.js';

/** Looks up values in a unique constraint. Returns the row that holds each, as its entries name rows, or null. */
export type LookUp = (values: readonly string[]) => Promise<(string | null)[]>;

/** How many values are looked up at once, although the first may suffice. */
const VALUES_AT_ONCE = 100;

/**
 * Reads the entries of a unique constraint for a list of values, in the order of the values. An entry is a value and
 * the row that holds it.
 */
export class LookupReader implements EntryReader {
  private readonly values: readonly { readonly value: string; readonly place: Buffer }[];

  constructor(
    private readonly lookUp: LookUp,
    values: readonly string[],
  ) {
    this.values = values
      .map((value) => ({ value, place: Buffer.from(value + END) }))
      .sort((a, b) => Buffer.compare(a.place, b.place));
  }

  async entries(limit: number, direction: Direction, cut?: Buffer): Promise<string[]> {
    const isAhead = (place: Buffer): boolean =>
      !cut || (direction === 'asc' ? Buffer.compare(cut, place) <= 0 : Buffer.compare(place, cut) < 0);
    // The entries of a value begin with its place.
    const ahead = this.values.filter(
      ({ place }) => isAhead(place) || cut!.subarray(0, place.length).equals(place),
    );
    if (direction === 'desc') ahead.reverse();
    const entries: string[] = [];
    for (let next = 0; next < ahead.length && entries.length < limit;) {
      const asked = ahead.slice(next, next + Math.max(VALUES_AT_ONCE, limit - entries.length));
      const rows = await this.lookUp(asked.map(({ value }) => value));
      for (const [i, row] of rows.entries()) {
        const entry = asked[i].value + END + row;
        if (row !== null && isAhead(Buffer.from(entry))) entries.push(entry);
      }
      next += asked.length;
    }
    return entries.slice(0, limit);
  }

  cutAfter(entry: string): Buffer {
    return Buffer.from(entry + END);
  }

  hasCut(cut: Buffer): boolean {
    return this.values.some(({ place }) => cut.subarray(0, place.length).equals(place));
  }
}

/** No encoding contains this. */
const END = '\0';
