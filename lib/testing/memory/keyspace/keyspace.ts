import { keySlot } from '../../../cluster/topology/key-slot.js';
import { Hash } from './hash.js';
import type { StoredValue } from './stored-value.js';

interface Entry {
  value: StoredValue;
  /** When the key expires, in milliseconds since 1970; undefined for never. */
  expiresAt: number | undefined;
}

/**
 * The keys of a server, with their values and expiries. Keys and values are bytes, one character each. It takes a key
 * whose time has passed for absent, and deletes it when it meets it.
 */
export class Keyspace {
  /** The time of the present command, in milliseconds since 1970. It stands still while a script runs, as on a server. */
  now = 0;
  /** The microseconds of it that have passed: no two commands have the same time, as on a server. */
  micros = 0;
  private readonly entries = new Map<string, Entry>();
  private readonly slots = new Map<number, Set<string>>();
  private readonly expiring = new Set<string>();
  private readonly revisions = new Map<string, number>();
  private revision = 0;
  /** The time for which all keys whose time had passed are deleted. */
  private purgedAt: number | undefined = undefined;

  /** The number of keys. */
  get size(): number {
    this.purge();
    return this.entries.size;
  }

  /** Returns the value of a key; undefined if there is none. */
  get(key: string): StoredValue | undefined {
    return this.entry(key)?.value;
  }

  /** Sets the value of a key. Its expiry stays as it is. */
  set(key: string, value: StoredValue): void {
    const entry = this.entry(key);
    if (entry) {
      entry.value = value;
      return;
    }
    this.entries.set(key, { value, expiresAt: undefined });
    const slot = slotOf(key);
    const keys = this.slots.get(slot);
    if (keys) keys.add(key);
    else this.slots.set(slot, new Set([key]));
  }

  /** Deletes a key. Returns whether it existed. */
  delete(key: string): boolean {
    const existed = this.entry(key) !== undefined;
    this.drop(key);
    return existed;
  }

  /** Returns when a key expires, in milliseconds since 1970; undefined for never and for an absent key. */
  expiryOf(key: string): number | undefined {
    return this.entry(key)?.expiresAt;
  }

  /** Sets when an existing key expires; undefined for never. A time that has passed deletes it. */
  expire(key: string, at: number | undefined): void {
    const entry = this.entry(key);
    if (!entry) return;
    entry.expiresAt = at;
    if (at === undefined) this.expiring.delete(key);
    else this.expiring.add(key);
    if (at !== undefined && at <= this.now) this.drop(key);
  }

  /** Returns all keys, in the order of insertion. */
  keys(): string[] {
    this.purge();
    return [...this.entries.keys()];
  }

  /** Returns the keys of a slot. */
  keysInSlot(slot: number): string[] {
    this.purge();
    return [...(this.slots.get(slot) ?? [])];
  }

  countInSlot(slot: number): number {
    this.purge();
    return this.slots.get(slot)?.size ?? 0;
  }

  /** Deletes all keys. */
  clear(): void {
    for (const key of this.entries.keys()) this.touch(key);
    this.entries.clear();
    this.slots.clear();
    this.expiring.clear();
  }

  /** Marks a key as changed, for those who watch it. */
  touch(key: string): void {
    this.revisions.set(key, ++this.revision);
  }

  /** Returns a number that changes with every change of a key. */
  revisionOf(key: string): number {
    this.entry(key); // an expiry is a change
    return this.revisions.get(key) ?? 0;
  }

  private entry(key: string): Entry | undefined {
    const entry = this.entries.get(key);
    if (entry === undefined) return undefined;
    const { expiresAt, value } = entry;
    let isOver = expiresAt !== undefined && expiresAt <= this.now;
    if (value instanceof Hash && value.dropPast(this.now)) {
      this.touch(key);
      isOver ||= value.size === 0;
    }
    if (!isOver) return entry;
    this.drop(key);
    this.touch(key);
    return undefined;
  }

  private drop(key: string): void {
    if (!this.entries.delete(key)) return;
    this.expiring.delete(key);
    const slot = slotOf(key);
    const keys = this.slots.get(slot) as Set<string>;
    keys.delete(key);
    if (keys.size === 0) this.slots.delete(slot);
  }

  /** Deletes all keys whose time has passed. */
  private purge(): void {
    if (this.purgedAt === this.now) return;
    this.purgedAt = this.now;
    for (const key of this.expiring) this.entry(key);
  }
}

const slotOf = (key: string): number => keySlot(Buffer.from(key, 'latin1'));
