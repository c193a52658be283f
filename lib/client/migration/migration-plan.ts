import { TopologyError } from '../../cluster/common/errors.js';
import { groupBy } from '../../cluster/common/group-by.js';
import { rangesOf } from '../cluster-calls/slot-words.js';
import { ownersOf, type Primary } from './primaries.js';
import { SlotMigrationError } from './slot-migration-error.js';

/** Slots that move from one primary. */
export interface SlotSource {
  readonly from: Primary;
  readonly slots: readonly number[];
}

/** What is left to do until a node owns all the slots. */
export interface MigrationPlan {
  readonly sources: readonly SlotSource[];
  /** Slots that have arrived, with the former owner that has not noticed: an earlier run ended in between. */
  readonly unnoticed: readonly SlotSource[];
}

/**
 * Finds out where slots are, and how far earlier runs have come with them.
 * @throws TopologyError if a slot has no owner; SlotMigrationError if one is on its way to another node
 */
export function planMigration(
  primaries: readonly Primary[],
  slots: readonly number[],
  to: Primary,
): MigrationPlan {
  const owners = ownersOf(primaries);
  const withoutOwner = slots.filter((slot) => !owners.has(slot));
  if (withoutOwner.length > 0) {
    throw new TopologyError(
      'SLOTS_NOT_COVERED',
      `Slots ${textOf(withoutOwner)} have no owner that answers, so they cannot move`,
    );
  }
  const moving = slots.filter((slot) => owners.get(slot) !== to);
  const conflicts = moving.filter((slot) => movesElsewhere(primaries, slot, owners.get(slot) as Primary, to));
  if (conflicts.length > 0) {
    throw new SlotMigrationError(
      'SLOT_IN_MIGRATION',
      `Slots ${textOf(conflicts)} are on their way to another node than ${to.node.name}. Finish that migration ` +
        'first, or end it with setSlot(node, slot, "STABLE") at both of its nodes if no key has moved yet',
      conflicts,
    );
  }
  const arrived = slots.filter((slot) => owners.get(slot) === to);
  return {
    sources: [...groupBy(moving, (slot) => owners.get(slot) as Primary)].map(([from, own]) => ({
      from,
      slots: own,
    })),
    unnoticed: primaries.flatMap((from) => {
      const own = arrived.filter((slot) => from.self.migrating.get(slot) === to.node.id);
      return own.length > 0 ? [{ from, slots: own }] : [];
    }),
  };
}

/** Whether a slot has begun to move to a third node, which may have some of its keys. */
function movesElsewhere(primaries: readonly Primary[], slot: number, from: Primary, to: Primary): boolean {
  const receiver = from.self.migrating.get(slot);
  // a receiver that was replaced by its replica is now a replica of it
  const isOurs = receiver === undefined || receiver === to.node.id;
  if (!isOurs && to.seen.get(receiver)?.primaryId !== to.node.id) return true;
  return primaries.some((other) => other !== to && other !== from && other.self.importing.has(slot));
}

/** The slots as text, at most four ranges of them. */
export function textOf(slots: readonly number[]): string {
  const ranges = rangesOf(slots).map(([first, last]) =>
    first === last ? String(first) : `${first}-${last}`,
  );
  return ranges.length > 4 ? `${ranges.slice(0, 4).join(', ')}, …` : ranges.join(', ');
}
