import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { SLOT_COUNT } from '../../cluster/topology/key-slot.js';

const BYTES = SLOT_COUNT / 8;

/** A set of slots, a bit for each. It does not change; what takes slots away gives another set. */
export class SlotSet {
  private constructor(private readonly bits: Buffer) {}

  /** Every slot there is. */
  static all(): SlotSet {
    return new SlotSet(Buffer.alloc(BYTES, 0xff));
  }

  static of(slots: Iterable<number>): SlotSet {
    const bits = Buffer.alloc(BYTES);
    for (const slot of slots) bits[slot >> 3] |= 1 << (slot & 7);
    return new SlotSet(bits);
  }

  /** Reads what `toString` wrote; undefined for anything else. */
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

  /** The slots for which `keep` says so. */
  filter(keep: (slot: number) => boolean): SlotSet {
    return SlotSet.of([...this].filter(keep));
  }

  *[Symbol.iterator](): Generator<number, void, undefined> {
    for (let slot = 0; slot < SLOT_COUNT; slot++) if (this.has(slot)) yield slot;
  }

  /** Short text: a cluster whose shards have a range each needs some 20 characters. */
  toString(): string {
    return deflateRawSync(this.bits).toString('base64url');
  }
}
