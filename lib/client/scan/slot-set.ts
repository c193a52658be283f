import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { SLOT_COUNT } from '../../cluster/topology/key-slot.js';

const BYTES = SLOT_COUNT / 8;

/** An immutable set of slots, with one bit per slot. */
export class SlotSet {
  private constructor(private readonly bits: Buffer) {}

  /** Returns the set of all slots. */
  static all(): SlotSet {
    return new SlotSet(Buffer.alloc(BYTES, 0xff));
  }

  static of(slots: Iterable<number>): SlotSet {
    const bits = Buffer.alloc(BYTES);
    for (const slot of slots) bits[slot >> 3] |= 1 << (slot & 7);
    return new SlotSet(bits);
  }

  /** Reads what `toString` wrote; returns undefined for anything else. */
  static parse(text: string): SlotSet | undefined {
    try {
      const bits = inflateRawSync(Buffer.from(text, 'base64url'), { maxOutputLength: BYTES });
      return bits.length === BYTES ? new SlotSet(bits) : undefined;
    } catch {
      return undefined;
    }
  }

  has(slot: number): boolean {
    return (this.bits[slot >> 3] & (1 << (slot & 7))) !== 0;
  }

  get size(): number {
    let count = 0;
    for (let slot = 0; slot < SLOT_COUNT; slot++) if (this.has(slot)) count++;
    return count;
  }

  /** Returns the set of the slots for which `keep` returns true. */
  filter(keep: (slot: number) => boolean): SlotSet {
    return SlotSet.of([...this].filter(keep));
  }

  *[Symbol.iterator](): Generator<number, void, undefined> {
    for (let slot = 0; slot < SLOT_COUNT; slot++) if (this.has(slot)) yield slot;
  }

  /** Returns a short text: about 20 characters if every shard has one range of slots. */
  toString(): string {
    return deflateRawSync(this.bits).toString('base64url');
  }
}
