import type { EntityClient } from '../common/entity-client.js';
import { IndexReader } from './index-reader.js';
import { CLOSED, OPEN, type Span } from '../keys/index-entry.js';

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

  protected override async range(span: Span, passed: Buffer | undefined, limit: number): Promise<string[]> {
    const lists = await Promise.all(this.buckets.map((bucket) => this.rangeIn(bucket, span, passed, limit)));
    const bytes = lists.flat().map((entry) => ({ entry, place: Buffer.from(entry) }));
    bytes.sort((a, b) => Buffer.compare(a.place, b.place));
    return bytes.slice(0, limit).map(({ entry }) => entry);
  }

  private async rangeIn(
    bucket: string,
    { from, to }: Span,
    passed: Buffer | undefined,
    limit: number,
  ): Promise<string[]> {
    const entries = new Set<string>();
    let min = Buffer.concat([CLOSED, from]);
    if (passed && Buffer.compare(from, passed) <= 0) min = afterEntry(passed);
    while (entries.size < limit) {
      const wanted = limit - entries.size;
      const max = Buffer.concat([OPEN, to]);
      const members = await this.client.zrangebylex(bucket, min, max, 'LIMIT', 0, wanted);
      for (const member of members) entries.add(entryIn(member));
      if (members.length < wanted) break;
      min = afterEntry(Buffer.from(entryIn(members.at(-1)!)));
    }
    return [...entries];
  }
}

const afterEntry = (entry: Buffer): Buffer<ArrayBuffer> => Buffer.concat([OPEN, entry, AFTER_TOKENS]);

/** Returns a member without its token. */
const entryIn = (member: string): string => member.slice(0, member.lastIndexOf('\0'));
