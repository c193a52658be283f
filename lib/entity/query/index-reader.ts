import { createHash } from 'crypto';
import { InvalidArgumentError } from '../../cluster/common/errors.js';
import type { EntityClient } from '../common/entity-client.js';
import { OPEN, CLOSED, Span } from '../keys/index-entry.js';

/** Reads the entries of a query, which name its rows, in the order of the index or unique constraint. */
export interface EntryReader {
  /** Returns the entries after one, at most `limit`; fewer only at the end. */
  entries(after: string | undefined, limit: number): Promise<string[]>;
  /** Returns a cursor after an entry, opaque to callers. */
  cursorAfter(entry: string): string;
  /**
   * Returns the entry of a cursor.
   *
   * @throws InvalidArgumentError if the cursor does not belong to this query.
   */
  entryOf(cursor: string): string;
}

/** Reads the entries of an index, in its order. */
export class IndexReader implements EntryReader {
  constructor(
    protected readonly client: EntityClient,
    private readonly key: string,
    private readonly ranges: readonly Span[],
  ) {}

  async entries(after: string | undefined, limit: number): Promise<string[]> {
    const passed = after === undefined ? undefined : Buffer.from(after);
    const ahead = this.ranges.filter(({ to }) => !passed || Buffer.compare(passed, to) < 0);
    const entries: string[] = [];
    for (let i = 0; i < ahead.length && entries.length < limit; i += RANGES_AT_ONCE) {
      const left = limit - entries.length;
      const some = ahead.slice(i, i + RANGES_AT_ONCE).map((range) => this.range(range, passed, left));
      entries.push(...(await Promise.all(some)).flat());
    }
    return entries.slice(0, limit);
  }

  /** Yields all entries, a page at a time. */
  async *all(): AsyncGenerator<string, void, undefined> {
    for (let after: string | undefined; ;) {
      const page = await this.entries(after, PAGE);
      yield* page;
      if (page.length < PAGE) return;
      after = page.at(-1);
    }
  }

  protected range({ from, to }: Span, passed: Buffer | undefined, limit: number): Promise<string[]> {
    const isInside = passed !== undefined && Buffer.compare(from, passed) <= 0;
    const min = isInside ? Buffer.concat([OPEN, passed]) : Buffer.concat([CLOSED, from]);
    return this.client.zrangebylex(this.key, min, Buffer.concat([OPEN, to]), 'LIMIT', 0, limit);
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

  cursorAfter(entry: string): string {
    return cursorAfter(entry);
  }

  entryOf(cursor: string): string {
    return entryOf(cursor, (bytes) => this.covers(bytes.toString()));
  }
}

/** Returns a cursor after an entry. */
export const cursorAfter = (entry: string): string => Buffer.from(entry).toString('base64url');

/** Returns the entry of a cursor. @throws InvalidArgumentError if it is not a cursor of the query. */
export function entryOf(cursor: string, isOurs: (entry: Buffer) => boolean): string {
  const bytes = Buffer.from(String(cursor), 'base64url');
  if (bytes.toString('base64url') === cursor && isOurs(bytes)) return bytes.toString();
  throw new InvalidArgumentError('cursor', 'The cursor does not belong to this query');
}

/** How many entries are read per batch when all are wanted. */
const PAGE = 1_000;

/** How many ranges are read concurrently, although the first may suffice. */
const RANGES_AT_ONCE = 16;
/** Returns the digest of entries that a script compares. The length of each entry separates it from the next. */
export function digestOf(entries: readonly string[]): string {
  const hash = createHash('sha1');
  for (const entry of entries) hash.update(`${Buffer.byteLength(entry)}:${entry}`);
  return hash.digest('hex');
}
