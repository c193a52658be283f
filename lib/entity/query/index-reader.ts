import { createHash } from 'crypto';
import { InvalidArgumentError } from '../../cluster/common/errors.js';
import type { EntityClient } from '../common/entity-client.js';
import { OPEN, CLOSED, Span } from '../keys/index-entry.js';

/** What names the rows of a query, entry by entry, in the order of the index or unique that answers it. */
export interface EntryReader {
  /** The next entries behind one, at most so many; fewer at the end only. */
  entries(behind: string | undefined, limit: number): Promise<string[]>;
  /** A cursor behind an entry: opaque to callers. */
  cursorBehind(entry: string): string;
  /**
   * The entry that a cursor stands behind.
   *
   * @throws InvalidArgumentError for a cursor that is not of this query.
   */
  entryOf(cursor: string): string;
}

/** The entries of an index, in its order. */
export class IndexReader implements EntryReader {
  constructor(
    protected readonly client: EntityClient,
    private readonly key: string,
    private readonly ranges: readonly Span[],
  ) {}

  async entries(behind: string | undefined, limit: number): Promise<string[]> {
    const passed = behind === undefined ? undefined : Buffer.from(behind);
    const ahead = this.ranges.filter(({ to }) => !passed || Buffer.compare(passed, to) < 0);
    const entries: string[] = [];
    for (let i = 0; i < ahead.length && entries.length < limit; i += RANGES_AT_ONCE) {
      const left = limit - entries.length;
      const some = ahead.slice(i, i + RANGES_AT_ONCE).map((range) => this.range(range, passed, left));
      entries.push(...(await Promise.all(some)).flat());
    }
    return entries.slice(0, limit);
  }

  /** All entries, page by page. */
  async *all(): AsyncGenerator<string, void, undefined> {
    for (let behind: string | undefined; ;) {
      const page = await this.entries(behind, PAGE);
      yield* page;
      if (page.length < PAGE) return;
      behind = page.at(-1);
    }
  }

  protected range({ from, to }: Span, passed: Buffer | undefined, limit: number): Promise<string[]> {
    const isInside = passed !== undefined && Buffer.compare(from, passed) <= 0;
    const min = isInside ? Buffer.concat([OPEN, passed]) : Buffer.concat([CLOSED, from]);
    return this.client.zrangebylex(this.key, min, Buffer.concat([OPEN, to]), 'LIMIT', 0, limit);
  }

  /** Whether an entry would be one of these. */
  covers(entry: string): boolean {
    const place = Buffer.from(entry);
    return this.ranges.some(
      ({ from, to }) => Buffer.compare(from, place) <= 0 && Buffer.compare(place, to) < 0,
    );
  }

  /** How many entries there are. */
  async count(): Promise<number> {
    const counts = this.ranges.map(({ from, to }) =>
      this.client.zlexcount(this.key, Buffer.concat([CLOSED, from]), Buffer.concat([OPEN, to])),
    );
    return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
  }

  cursorBehind(entry: string): string {
    return cursorBehind(entry);
  }

  entryOf(cursor: string): string {
    return entryOf(cursor, (bytes) => this.covers(bytes.toString()));
  }
}

/** A cursor behind an entry. */
export const cursorBehind = (entry: string): string => Buffer.from(entry).toString('base64url');

/** The entry that a cursor stands behind. @throws InvalidArgumentError where it is none, or not of the query. */
export function entryOf(cursor: string, isOurs: (entry: Buffer) => boolean): string {
  const bytes = Buffer.from(String(cursor), 'base64url');
  if (bytes.toString('base64url') === cursor && isOurs(bytes)) return bytes.toString();
  throw new InvalidArgumentError('cursor', 'The cursor does not belong to this query');
}

/** Entries that are read at once where all are wanted. */
const PAGE = 1_000;

/** Ranges that are read together, though the first may be enough. */
const RANGES_AT_ONCE = 16;
/** What entries are reduced to for the script to compare; the length of each keeps them apart. */
export function digestOf(entries: readonly string[]): string {
  const hash = createHash('sha1');
  for (const entry of entries) hash.update(`${Buffer.byteLength(entry)}:${entry}`);
  return hash.digest('hex');
}
