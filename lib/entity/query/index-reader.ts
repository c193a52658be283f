import type { EntityClient } from '../common/entity-client.js';
import { CLOSED, OPEN, type Span } from '../keys/index-entry.js';
import type { Direction } from '../planning/query-order.js';

/**
 * Reads the entries of one index or unique constraint, which name rows. A cut is a place between two entries: `asc`
 * reads the entries after it, `desc` those before it, the nearest first.
 */
export interface EntryReader {
  /** Returns at most `limit` entries; fewer only at the end. Without a cut, it begins at the end of the direction. */
  entries(limit: number, direction: Direction, cut?: Buffer): Promise<string[]>;
  /** Returns the cut after an entry. The cut before it is the entry itself. */
  cutAfter(entry: string): Buffer;
  /** Returns whether a cut is among the entries of this reader. */
  hasCut(cut: Buffer): boolean;
}

/** Reads the entries of an index. */
export class IndexReader implements EntryReader {
  constructor(
    protected readonly client: EntityClient,
    private readonly key: string,
    private readonly ranges: readonly Span[],
  ) {}

  async entries(limit: number, direction: Direction = 'asc', cut?: Buffer): Promise<string[]> {
    const ahead = this.ranges.flatMap((range) => rest(range, direction, cut));
    if (direction === 'desc') ahead.reverse();
    const entries: string[] = [];
    for (let i = 0; i < ahead.length && entries.length < limit; i += RANGES_AT_ONCE) {
      const left = limit - entries.length;
      const some = ahead.slice(i, i + RANGES_AT_ONCE).map((range) => this.range(range, direction, left));
      entries.push(...(await Promise.all(some)).flat());
    }
    return entries.slice(0, limit);
  }

  /** Yields all entries, a page at a time. */
  async *all(): AsyncGenerator<string, void, undefined> {
    for (let cut: Buffer | undefined; ;) {
      const page = await this.entries(PAGE, 'asc', cut);
      yield* page;
      if (page.length < PAGE) return;
      cut = this.cutAfter(page.at(-1)!);
    }
  }

  protected range(range: Span, direction: Direction, limit: number): Promise<string[]> {
    return rangeOf(this.client, this.key, range, direction, limit);
  }

  /** Returns whether an entry lies in the ranges. */
  covers(entry: string): boolean {
    const place = Buffer.from(entry);
    return this.ranges.some(
      ({ from, to }) => Buffer.compare(from, place) <= 0 && Buffer.compare(place, to) < 0,
    );
  }

  /** Returns the number of entries. */
  async count(): Promise<number> {
    const counts = this.ranges.map(({ from, to }) =>
      this.client.zlexcount(this.key, Buffer.concat([CLOSED, from]), Buffer.concat([OPEN, to])),
    );
    return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
  }

  cutAfter(entry: string): Buffer {
    return Buffer.from(`${entry}\0`);
  }

  hasCut(cut: Buffer): boolean {
    return this.ranges.some(({ from, to }) => Buffer.compare(from, cut) <= 0 && Buffer.compare(cut, to) <= 0);
  }
}

/** Returns what is left of a range from a cut on; nothing, or one range. */
function rest({ from, to }: Span, direction: Direction, cut: Buffer | undefined): Span[] {
  if (!cut) return [{ from, to }];
  const left =
    direction === 'asc'
      ? { from: Buffer.compare(from, cut) < 0 ? cut : from, to }
      : { from, to: Buffer.compare(cut, to) < 0 ? cut : to };
  return Buffer.compare(left.from, left.to) < 0 ? [left] : [];
}

/** Reads the members of a range of one key. */
export function rangeOf(
  client: EntityClient,
  key: string,
  { from, to }: Span,
  direction: Direction,
  limit: number,
): Promise<string[]> {
  const min = Buffer.concat([CLOSED, from]);
  const max = Buffer.concat([OPEN, to]);
  return direction === 'asc'
    ? client.zrangebylex(key, min, max, 'LIMIT', 0, limit)
    : client.zrevrangebylex(key, max, min, 'LIMIT', 0, limit);
}

/** How many entries are read per batch when all are wanted. */
const PAGE = 1_000;

/** How many ranges are read concurrently, although the first may suffice. */
const RANGES_AT_ONCE = 16;
