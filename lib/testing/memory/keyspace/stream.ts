import { formatId, isAfter, type StreamId } from './stream-id.js';

/** An entry of a stream: its id, and alternating fields and values. */
export interface StreamEntry {
  readonly id: StreamId;
  readonly fields: readonly string[];
}

/** How many entries a server keeps together, and so removes together when it trims to about a length. */
const NODE_ENTRIES = 100;

/** A stream: entries in the order of their ids. */
export class Stream {
  readonly entries: StreamEntry[] = [];
  /** The id of the entry that was added last, removed or not. */
  last: StreamId = [0n, 0n];

  get length(): number {
    return this.entries.length;
  }

  /** Adds an entry, whose id is greater than all earlier ones. */
  append(id: StreamId, fields: readonly string[]): void {
    this.entries.push({ id, fields });
    this.last = id;
  }

  /** Returns the place of the first entry after an id, or at it. */
  placeFrom(id: StreamId, inclusive: boolean): number {
    let [low, high] = [0, this.entries.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const { id: other } = this.entries[middle];
      if (isAfter(other, id) || (inclusive && !isAfter(id, other))) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** Removes an entry. Returns whether it was there. */
  delete(id: StreamId): boolean {
    const place = this.placeFrom(id, true);
    if (place === this.entries.length || formatId(this.entries[place].id) !== formatId(id)) return false;
    this.entries.splice(place, 1);
    return true;
  }

  /**
   * Removes the oldest entries. Returns how many.
   *
   * @param approximate whether to remove only as many as a server keeps together.
   */
  trim(count: number, approximate: boolean): number {
    const removed = approximate ? count - (count % NODE_ENTRIES) : count;
    if (removed <= 0) return 0;
    return this.entries.splice(0, removed).length;
  }

  copy(): Stream {
    const copy = new Stream();
    copy.entries.push(...this.entries);
    copy.last = this.last;
    return copy;
  }
}
