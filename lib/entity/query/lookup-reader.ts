import { type EntryReader, cursorAfter, entryOf } from './index-reader.js';

/** Looks up values in a unique constraint. Returns the row that holds each, as its entries name rows, or null. */
export type LookUp = (values: readonly string[]) => Promise<(string | null)[]>;

/** How many values are looked up at once, although the first may suffice. */
const VALUES_AT_ONCE = 100;

/**
 * Reads the entries of a unique constraint for a list of values, in the order of the values. An entry is a value and
 * the row that holds it.
 */
export class LookupReader implements EntryReader {
  private readonly values: readonly string[];

  constructor(
    private readonly lookUp: LookUp,
    values: readonly string[],
  ) {
    const places = new Map(values.map((value) => [value, Buffer.from(value + END)]));
    this.values = values.toSorted((a, b) => Buffer.compare(places.get(a)!, places.get(b)!));
  }

  async entries(after: string | undefined, limit: number): Promise<string[]> {
    const entries: string[] = [];
    let next = after === undefined ? 0 : this.values.indexOf(valueIn(after)) + 1;
    while (next < this.values.length && entries.length < limit) {
      const asked = this.values.slice(next, next + Math.max(VALUES_AT_ONCE, limit - entries.length));
      const rows = await this.lookUp(asked);
      for (const [i, row] of rows.entries()) if (row !== null) entries.push(asked[i] + END + row);
      next += asked.length;
    }
    return entries.slice(0, limit);
  }

  cursorAfter(entry: string): string {
    return cursorAfter(entry);
  }

  entryOf(cursor: string): string {
    return entryOf(cursor, (entry) => this.values.includes(valueIn(entry.toString())));
  }
}

/** No encoding contains this. */
const END = '\0';

/** Returns the value at the beginning of an entry. */
const valueIn = (entry: string): string => entry.slice(0, entry.lastIndexOf(END));
