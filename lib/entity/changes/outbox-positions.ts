import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { SLOT_COUNT } from '../../cluster/topology/key-slot.js';

/** The id of the entry of an outbox that was read last; `0-0` if there was none, `start` for whatever is there. */
export type Position = string;

/** A reader that was nowhere in a slot yet: when it began, there was no outbox. */
const NOWHERE: Position = '0-0';

const PAGE = 128;
const ENTRY = /^(\d{1,5}):(start|\d{1,16}-\d{1,16})$/;
const ALL = '*';

/**
 * How far a reader has come in the outboxes of one slot, or of all. Immutable, so that every change can have the
 * cursor behind it: a step copies one page of many.
 */
export class OutboxPositions {
  private constructor(
    /** The one slot; undefined for all. */
    readonly slot: number | undefined,
    private readonly pages: readonly (readonly Position[] | undefined)[],
  ) {}

  static none(slot: number | undefined): OutboxPositions {
    return new OutboxPositions(slot, []);
  }

  /**
   * Reads a cursor.
   *
   * @param slot the one that is to be read; undefined for all of them.
   * @throws InvalidArgumentError
   */
  static parse(cursor: unknown, slot: number | undefined): OutboxPositions {
    const refuse = (): InvalidArgumentError =>
      new InvalidArgumentError(
        'from',
        "from must be 'start', or a cursor of changes() with the same class and partition",
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

  /** The same, but for one slot. */
  with(slot: number, position: Position): OutboxPositions {
    const pages = [...this.pages];
    const page = [...(pages[Math.floor(slot / PAGE)] ?? [])];
    page[slot % PAGE] = position;
    pages[Math.floor(slot / PAGE)] = page;
    return new OutboxPositions(this.slot, pages);
  }

  /** Its text: opaque to callers. */
  get cursor(): string {
    const parts: string[] = [];
    for (let slot = 0; slot < SLOT_COUNT; slot++) {
      const position = this.at(slot);
      if (position !== NOWHERE || slot === this.slot) parts.push(`${slot}:${position}`);
    }
    return (this.slot === undefined ? ALL : '') + parts.join(',');
  }
}
