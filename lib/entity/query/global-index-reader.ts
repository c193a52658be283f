import type { EntityClient } from '../common/entity-client.js';
import { IndexReader, rangeOf } from './index-reader.js';
import type { Span } from '../keys/index-entry.js';
import type { Direction } from '../planning/query-order.js';

/** Sorts after every token. */
const AFTER_TOKENS = Buffer.from('\0\xff', 'latin1');

/**
 * Reads the entries of a global index in order, merged from its keys. An entry is the encodings and the row's
 * reference. A row whose value is being written, or whose write failed, can have several members with different
 * tokens: they count as one entry.
 */
export class GlobalIndexReader extends IndexReader {
  constructor(
    client: EntityClient,
    private readonly buckets: readonly string[],
    ranges: readonly Span[],
  ) {
    super(client, '', ranges);
  }

  protected override async range(range: Span, direction: Direction, limit: number): Promise<string[]> {
    const lists = await Promise.all(
      this.buckets.map((bucket) => this.rangeIn(bucket, range, direction, limit)),
    );
    const placed = lists.flat().map((entry) => ({ entry, place: Buffer.from(entry) }));
    const sign = direction === 'asc' ? 1 : -1;
    placed.sort((a, b) => sign * Buffer.compare(a.place, b.place));
    return placed.slice(0, limit).map(({ entry }) => entry);
  }

  override cutAfter(entry: string): Buffer {
    return Buffer.concat([Buffer.from(entry), AFTER_TOKENS]);
  }

  private async rangeIn(bucket: string, range: Span, direction: Direction, limit: number): Promise<string[]> {
    const entries = new Set<string>();
    let { from, to } = range;
    while (entries.size < limit) {
      const wanted = limit - entries.size;
      const members = await rangeOf(this.client, bucket, { from, to }, direction, wanted);
      for (const member of members) entries.add(entryIn(member));
      if (members.length < wanted) break;
      const last = entryIn(members.at(-1)!);
      if (direction === 'asc') from = this.cutAfter(last);
      else to = Buffer.from(last);
    }
    return [...entries];
  }
}

/** Returns a member without its token. */
const entryIn = (member: string): string => member.slice(0, member.lastIndexOf('\0'));
