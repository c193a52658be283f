import type { Argument } from '../protocol/request-encoder.js';
import type { CacheCounters } from '../stats/cache-counters.js';
import { bytesAsText, isAscii } from './cache-key.js';
import type { CacheSession } from './cache-session.js';
import { copyOfKind, kindOfReply } from './kept-reply.js';

/** The parts of `CacheEntry.marks`: the slot, two flags, and the kind of the reply. */
const SLOT = 0x3fff;
const USED = 1 << 14;
const ASCII = 1 << 15;
const KIND_SHIFT = 16;

/** One reply that is kept. Replies to other reads of the same key follow as `next`. */
export interface CacheEntry {
  readonly signature: string;
  readonly value: unknown;
  /** The connection that it came by, and the stay of the slot there; see `SlotLease.stayOf`. */
  readonly session: CacheSession;
  readonly stay: number;
  /** When the read was sent; whole milliseconds of the client's clock, rounded down. */
  readonly sentAt: number;
  /** When it ends at the latest; whole milliseconds of the client's clock, rounded down. */
  readonly expiresAt: number;
  /** What it takes in memory. */
  readonly bytes: number;
  /** The slot; whether it was read since the hand of the clock passed it; whether the key is ASCII; the kind of reply. */
  marks: number;
  next: CacheEntry | undefined;
}

/** Returns the marks of a new entry. @param key its bytes */
export function marksOf(slot: number, key: string, value: unknown): number {
  return slot | (isAscii(key) ? ASCII : 0) | (kindOfReply(value) << KIND_SHIFT);
}

/** Returns the slot of the key of an entry. */
export const slotOf = ({ marks }: CacheEntry): number => marks & SLOT;

/** Notes that an entry was read, so that it is spared once. */
export function markUsed(entry: CacheEntry): void {
  if ((entry.marks & USED) === 0) entry.marks |= USED;
}

/** Returns the reply of an entry, for one caller, who may change it. */
export function ownReply({ value, marks }: CacheEntry): unknown {
  return copyOfKind(value, marks >> KIND_SHIFT);
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
  /** Undefined until something is evicted: an iterator that rests keeps every table that the Map has outgrown. */
  private hand: Iterator<[string, CacheEntry], undefined> | undefined = undefined;
  /** How many keys are not ASCII. */
  private beyondAscii = 0;

  constructor(
    private readonly maxBytes: number,
    private readonly counters: CacheCounters,
  ) {}

  /** The number of kept replies. */
  get size(): number {
    return this.count;
  }

  /** Returns the entry of a read. @param prefix what precedes the key, as bytes @param key as a caller gives it */
  find(prefix: string, key: Argument, signature: string): CacheEntry | undefined {
    return ofRead(this.ofKey(prefix, key), signature);
  }

  /** Does the same for a key by its bytes. */
  findBytes(key: string, signature: string): CacheEntry | undefined {
    return ofRead(this.byKey.get(key), signature);
  }

  /** Whether there are replies about a key. @param key as it is sent */
  has(key: Argument): boolean {
    return this.ofKey('', key) !== undefined;
  }

  /** Whether an entry of this size can be kept at all. */
  fits(bytes: number): boolean {
    return bytes <= this.maxBytes;
  }

  /** Keeps an entry, in the place of the one of the same read. @param key its bytes */
  put(key: string, entry: CacheEntry): void {
    const old = this.findBytes(key, entry.signature);
    if (old !== undefined) this.remove(key, old);
    while (this.bytes + entry.bytes > this.maxBytes && this.evictOne());
    entry.next = this.byKey.get(key);
    if (entry.next === undefined && !isOfAscii(entry)) this.beyondAscii++;
    this.byKey.set(key, entry);
    this.bytes += entry.bytes;
    this.count++;
  }

  /** Removes one entry. @param key its bytes */
  remove(key: string, entry: CacheEntry): void {
    const first = this.byKey.get(key);
    if (first === entry) {
      if (entry.next === undefined) this.forget(key, entry);
      else this.byKey.set(key, entry.next);
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

  /** Removes all entries of a key. @param key its bytes @returns whether there were any */
  removeKey(key: string): boolean {
    const first = this.byKey.get(key);
    if (first === undefined) return false;
    this.forget(key, first);
    for (let entry: CacheEntry | undefined = first; entry !== undefined; entry = entry.next)
      this.discount(entry);
    return true;
  }

  /** Removes the entries that are over. */
  sweep(isOver: (entry: CacheEntry) => boolean): void {
    for (const [key, first] of this.byKey) {
      for (let entry: CacheEntry | undefined = first; entry !== undefined; entry = entry.next)
        if (isOver(entry)) this.remove(key, entry);
    }
  }

  clear(): void {
    this.byKey.clear();
    this.hand = undefined;
    this.beyondAscii = 0;
    this.bytes = 0;
    this.count = 0;
  }

  /** The first entry of a key. The text of most keys is that of their bytes, and is looked up as it is. */
  private ofKey(prefix: string, key: Argument): CacheEntry | undefined {
    if (typeof key === 'string') {
      const entry = this.byKey.get(prefix === '' ? key : prefix + key);
      if (entry === undefined ? this.beyondAscii === 0 : isOfAscii(entry)) return entry;
    }
    return this.byKey.get(prefix + bytesAsText(key));
  }

  private forget(key: string, first: CacheEntry): void {
    this.byKey.delete(key);
    if (!isOfAscii(first)) this.beyondAscii--;
  }

  private discount(entry: CacheEntry): void {
    this.bytes -= entry.bytes;
    this.count--;
  }

  /** @returns false if there is nothing left to evict */
  private evictOne(): boolean {
    // two rounds are enough: after the first nothing counts as read
    for (let ends = 0; ends < 3;) {
      this.hand ??= this.byKey.entries();
      const { value, done } = this.hand.next();
      if (done) {
        ends++;
        this.hand = undefined;
      } else if (!wasUsed(value[1])) {
        this.removeKey(value[0]);
        this.counters.evictions++;
        return true;
      }
    }
    return false;
  }
}

const isOfAscii = ({ marks }: CacheEntry): boolean => (marks & ASCII) !== 0;

/** Returns the entry of a read among those of its key. */
function ofRead(first: CacheEntry | undefined, signature: string): CacheEntry | undefined {
  let entry = first;
  while (entry !== undefined && entry.signature !== signature) entry = entry.next;
  return entry;
}

function wasUsed(first: CacheEntry): boolean {
  let used = false;
  for (let entry: CacheEntry | undefined = first; entry !== undefined; entry = entry.next) {
    used ||= (entry.marks & USED) !== 0;
    entry.marks &= ~USED;
  }
  return used;
}
