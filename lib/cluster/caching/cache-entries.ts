import type { CacheCounters } from '../stats/cache-counters.js';
import type { CacheSession } from './cache-session.js';

/** One reply that is kept. Replies to other reads of the same key follow as `next`. */
export interface CacheEntry {
  /** The bytes of the key as text. */
  readonly key: string;
  readonly signature: string;
  readonly slot: number;
  readonly value: unknown;
  /** The connection that it came by, and which of its lives; see `CacheSession.generation`. */
  readonly session: CacheSession;
  readonly generation: number;
  /** How often the slot had left its node, as far as the client knows, when the read was sent. */
  readonly moves: number;
  /** When the read was sent; whole milliseconds of the client's clock, rounded down. */
  readonly sentAt: number;
  /** When it ends at the latest; whole milliseconds of the client's clock, rounded down. */
  readonly expiresAt: number;
  /** What it takes in memory. */
  readonly bytes: number;
  /** Whether it was read since the hand of the clock passed it. */
  used: boolean;
  next: CacheEntry | undefined;
}

/**
 * The kept replies by their keys, within a number of bytes. If there is no room, the CLOCK algorithm (second chance)
 * chooses: a hand goes over the keys in the order in which they came, spares those that were read since it last
 * passed, and evicts the first that was not.
 */
export class CacheEntries {
  bytes = 0;
  private count = 0;
  private readonly byKey = new Map<string, CacheEntry>();
  private hand: Iterator<CacheEntry> = this.byKey.values();

  constructor(
    private readonly maxBytes: number,
    private readonly counters: CacheCounters,
  ) {}

  /** The number of kept replies. */
  get size(): number {
    return this.count;
  }

  find(key: string, signature: string): CacheEntry | undefined {
    let entry = this.byKey.get(key);
    while (entry !== undefined && entry.signature !== signature) entry = entry.next;
    return entry;
  }

  /** Whether an entry of this size can be kept at all. */
  fits(bytes: number): boolean {
    return bytes <= this.maxBytes;
  }

  /** Keeps an entry, in the place of the one of the same read. */
  put(entry: CacheEntry): void {
    const old = this.find(entry.key, entry.signature);
    if (old !== undefined) this.remove(old);
    while (this.bytes + entry.bytes > this.maxBytes && this.evictOne());
    entry.next = this.byKey.get(entry.key);
    this.byKey.set(entry.key, entry);
    this.bytes += entry.bytes;
    this.count++;
  }

  /** Removes one entry. */
  remove(entry: CacheEntry): void {
    const first = this.byKey.get(entry.key);
    if (first === entry) {
      if (entry.next === undefined) this.byKey.delete(entry.key);
      else this.byKey.set(entry.key, entry.next);
      this.discount(entry);
      return;
    }
    for (let before = first; before !== undefined; before = before.next) {
      if (before.next !== entry) continue;
      before.next = entry.next;
      this.discount(entry);
      return;
    }
  }

  /** Removes all entries of a key. @returns whether there were any */
  removeKey(key: string): boolean {
    const first = this.byKey.get(key);
    if (first === undefined) return false;
    this.byKey.delete(key);
    for (let entry: CacheEntry | undefined = first; entry !== undefined; entry = entry.next)
      this.discount(entry);
    return true;
  }

  /** Removes the entries that are over. */
  sweep(isOver: (entry: CacheEntry) => boolean): void {
    for (const first of this.byKey.values()) {
      for (let entry: CacheEntry | undefined = first; entry !== undefined; entry = entry.next)
        if (isOver(entry)) this.remove(entry);
    }
  }

  clear(): void {
    this.byKey.clear();
    this.bytes = 0;
    this.count = 0;
  }

  private discount(entry: CacheEntry): void {
    this.bytes -= entry.bytes;
    this.count--;
  }

  /** @returns false if there is nothing left to evict */
  private evictOne(): boolean {
    // two rounds are enough: after the first nothing counts as read
    for (let ends = 0; ends < 3;) {
      const { value, done } = this.hand.next();
      if (done) {
        ends++;
        this.hand = this.byKey.values();
      } else if (!wasUsed(value)) {
        this.removeKey(value.key);
        this.counters.evictions++;
        return true;
      }
    }
    return false;
  }
}

function wasUsed(first: CacheEntry): boolean {
  let used = false;
  for (let entry: CacheEntry | undefined = first; entry !== undefined; entry = entry.next) {
    used ||= entry.used;
    entry.used = false;
  }
  return used;
}
