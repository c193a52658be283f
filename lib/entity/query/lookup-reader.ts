import { type EntryReader, cursorBehind, entryOf } from './index-reader.js';

/** Asks a unique for values: for each the row that holds it, as its entries name rows, or null. */
export type LookUp = (values: readonly string[]) => Promise<(string | null)[]>;

/** Values that are asked for together, though the first may be enough. */
const VALUES_AT_ONCE = 100;

/**
 * The entries of a unique for a list of values, in the order of the values: each is a value and the row that holds
 * it.
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

  async entries(behind: string | undefined, limit: number): Promise<string[]> {
    const entries: string[] = [];
    let next = behind === undefined ? 0 : this.values.indexOf(valueIn(behind)) + 1;
    while (next < this.values.length && entries.length < limit) {
      const asked = this.values.slice(next, next + Math.max(VALUES_AT_ONCE, limit - entries.length));
      const rows = await this.lookUp(asked);
      for (const [i, row] of rows.entries()) if (row !== null) entries.push(asked[i] + END + row);
      next += asked.length;
    }
    return entries.slice(0, limit);
  }

  cursorBehind(entry: string): string {
    return cursorBehind(entry);
  }

  entryOf(cursor: string): string {
    return entryOf(cursor, (entry) => this.values.includes(valueIn(entry.toString())));
  }
}

/** What no encoding holds. */
const END = '\0';

/** The value at the beginning of an entry. */
const valueIn = (entry: string): string => entry.slice(0, entry.lastIndexOf(END));
