import type { EntityKey } from '../keys/entity-key.js';
import type { Direction } from '../planning/query-order.js';
import type { EntityQuery, SourceReader } from './entity-query.js';

/** A place between two rows of a query. */
export interface QueryCut {
  /** The number of the source whose entries it is among. */
  readonly source: number;
  readonly cut: Buffer;
}

/** A row that an index names. */
export interface FoundRow {
  readonly key: EntityKey;
  readonly source: number;
  readonly entry: string;
}

/**
 * Reads the rows of a query in order: sources follow one another, or are merged by the values that the results are
 * sorted by. A row that several sources find belongs to the first of them, which needs no memory of earlier rows.
 */
export class QueryRows {
  constructor(private readonly query: EntityQuery) {}

  /** Returns at most `limit` rows beyond a cut; fewer only at the end. */
  read(limit: number, direction: Direction, from?: QueryCut): Promise<FoundRow[]> {
    return this.query.mergedBy > 0
      ? this.readMerged(limit, direction, from)
      : this.readInTurn(limit, direction, from);
  }

  /** Returns whether the current row matches its source, and no earlier one. */
  fits({ source, entry }: FoundRow, entity: object): boolean {
    const { sources } = this.query;
    return (
      sources[source].fits(entity, entry) &&
      !sources.some((earlier, place) => place < source && earlier.finds(entity))
    );
  }

  before({ source, entry }: FoundRow): QueryCut {
    return { source, cut: Buffer.from(entry) };
  }

  after({ source, entry }: FoundRow): QueryCut {
    return { source, cut: this.query.sources[source].reader.cutAfter(entry) };
  }

  private async readInTurn(limit: number, direction: Direction, from?: QueryCut): Promise<FoundRow[]> {
    const { sources } = this.query;
    const numbers = [...sources.keys()];
    const ahead = numbers.filter((n) => !from || (direction === 'asc' ? n >= from.source : n <= from.source));
    if (direction === 'desc') ahead.reverse();
    const rows: FoundRow[] = [];
    for (const source of ahead) {
      if (rows.length >= limit) break;
      const { reader, keyOf } = sources[source];
      const cut = from?.source === source ? from.cut : undefined;
      const entries = await reader.entries(limit - rows.length, direction, cut);
      for (const entry of entries) rows.push({ source, entry, key: keyOf(entry) });
    }
    return rows;
  }

  /** Each source may have all of the next rows, so as many are read from each. */
  private async readMerged(limit: number, direction: Direction, from?: QueryCut): Promise<FoundRow[]> {
    const { sources } = this.query;
    const value = from && this.sortedBy(sources[from.source], from.cut.toString());
    const lists = await Promise.all(
      sources.map(async ({ reader, beginning, keyOf }, source) => {
        let cut = from?.cut;
        // Rows with the same values are in the order of their sources.
        if (from && source !== from.source)
          cut = Buffer.from(`${beginning}${value}${source < from.source ? '\x01' : '\0'}`);
        const entries = await reader.entries(limit, direction, cut);
        return entries.map((entry) => ({ source, entry, key: keyOf(entry) }));
      }),
    );
    const placed = lists.flat().map((row) => ({
      row,
      place: Buffer.from(`${this.sortedBy(sources[row.source], row.entry)}\0`),
    }));
    const sign = direction === 'asc' ? 1 : -1;
    placed.sort(
      (a, b) =>
        sign *
        (Buffer.compare(a.place, b.place) ||
          a.row.source - b.row.source ||
          Buffer.compare(Buffer.from(a.row.entry), Buffer.from(b.row.entry))),
    );
    return placed.slice(0, limit).map(({ row }) => row);
  }

  /** Returns the encodings of an entry that the results are sorted by. */
  private sortedBy({ beginning }: SourceReader, entry: string): string {
    return entry.slice(beginning.length).split('\0', this.query.mergedBy).join('\0');
  }
}
