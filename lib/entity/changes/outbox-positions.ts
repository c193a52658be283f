import { describeOther } from '../../cluster/common/describe-value.js';
import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { SLOT_COUNT } from '../../cluster/topology/key-slot.js';

/** The id of the outbox entry that was read last; `0-0` if there was none, `start` for everything that is kept. */
export type Position = string;

/** The position in a slot that had no outbox when the reader started. */
const NOWHERE: Position = '0-0';

const PAGE = 128;
const ENTRY = /^(\d{1,5}):(start|\d{1,16}-\d{1,16})$/;
const ALL = '*';

/**
 * How far a reader has read in the outboxes of one slot, or of all slots. Immutable, so that every change can carry
 * its own cursor: a step copies one page out of many.
 */
export class OutboxPositions {
  private constructor(
    /** The slot to read; undefined for all slots. */
    readonly slot: number | undefined,
    private readonly pages: readonly (readonly Position[] | undefined)[],
  ) {}

  static none(slot: number | undefined): OutboxPositions {
    return new OutboxPositions(slot, []);
  }

  /**
   * Parses a cursor.
   *
   * @param slot the slot to read; undefined for all slots.
   * @throws InvalidArgumentError
   */
  static parse(cursor: unknown, slot: number | undefined): OutboxPositions {
    const refuse = (): InvalidArgumentError =>
      new InvalidArgumentError(
        'from',
        `from must be 'start', or a cursor of changes() with the same class and partition, got ${describeOther(cursor)}`,
      );
    if (typeof cursor !== 'string') throw refuse();
    const isOfAll = cursor.startsWith(ALL);
    let positions = OutboxPositions.none(slot);
    let isNamed = isOfAll;
    for (const part of cursor.slice(isOfAll ? 1 : 0).split(',')) {
      if (part === '' && isOfAll) continue;
      const [, slotText, position] = ENTRY.exec(part) ?? [];
      if (position === undefined || Number(slotText) >= SLOT_COUNT) throw refuse();
      if (slot !== undefined && Number(slotText) !== slot) continue;
      isNamed = true;
      positions = positions.with(Number(slotText), position);
    }
    if (!isNamed || (slot === undefined && !isOfAll)) throw refuse();
    return positions;
  }

  at(slot: number): Position {
    return this.pages[Math.floor(slot / PAGE)]?.[slot % PAGE] ?? NOWHERE;
  }

  /** Returns a copy with a new position in one slot. */
  with(slot: number, position: Position): OutboxPositions {
    const pages = [...this.pages];
    const page = [...(pages[Math.floor(slot / PAGE)] ?? [])];
    page[slot % PAGE] = position;
    pages[Math.floor(slot / PAGE)] = page;
    return new OutboxPositions(this.slot, pages);
  }

  /** The cursor as text, opaque to callers. */
  get cursor(): string {
    const parts: string[] = [];
    for (let slot = 0; slot < SLOT_COUNT; slot++) {
      const position = this.at(slot);
      if (position !== NOWHERE || slot === this.slot) parts.push(`${slot}:${position}`);
    }
    return (this.slot === undefined ? ALL : '') + parts.join(',');
  }
}
