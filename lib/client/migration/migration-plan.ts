import { TopologyError } from '../../cluster/common/errors.js';
import { groupBy } from '../../cluster/common/group-by.js';
import type { ClusterNode } from '../../cluster/topology/topology.js';
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
  const isTaken = (slot: number): boolean => movesElsewhere(primaries, slot, owners.get(slot) as Primary, to);
  refuseTaken(slots.filter(isTaken), to.node);
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

/** @throws SlotMigrationError if there are slots that are on their way to another node */
export function refuseTaken(taken: readonly number[], to: ClusterNode): void {
  if (taken.length === 0) return;
  throw new SlotMigrationError(
    'SLOT_IN_MIGRATION',
    `Slots ${textOf(taken)} are on their way to another node than ${to.name}. Finish that migration ` +
      'first, or end it with setSlot(node, slot, "STABLE") at both of its nodes if no key has moved yet',
    taken,
  );
}

/** @throws SlotMigrationError if there are slots that a node owned when this was planned, and does not own any more */
export function refuseLost(lost: readonly number[], from: ClusterNode): void {
  if (lost.length === 0) return;
  throw new SlotMigrationError(
    'SLOT_MIGRATION_FAILED',
    `${from.name} does not own slots ${textOf(lost)} any more. The same call moves them from their new owner`,
    lost,
  );
}

/**
 * Whether its owner hands a slot over to another node than this one.
 * @param seen the nodes, as one of the two sees them
 */
export function givesElsewhere(
  { self }: Primary,
  slot: number,
  toId: string,
  seen: Primary['seen'],
): boolean {
  const receiver = self.migrating.get(slot);
  if (receiver === undefined || receiver === toId) return false;
  // a receiver that was replaced by its replica is now a replica of it
  return seen.get(receiver)?.primaryId !== toId;
}

/** Whether a slot has begun to move to a third node, which may have some of its keys. */
function movesElsewhere(primaries: readonly Primary[], slot: number, from: Primary, to: Primary): boolean {
  if (givesElsewhere(from, slot, to.node.id, to.seen)) return true;
  if (from === to) return false;
  return primaries.some((other) => other !== to && other !== from && other.self.importing.has(slot));
}

/** The slots as text, at most four ranges of them. */
export function textOf(slots: readonly number[]): string {
  const ranges = rangesOf(slots).map(([first, last]) =>
    first === last ? String(first) : `${first}-${last}`,
  );
  return ranges.length > 4 ? `${ranges.slice(0, 4).join(', ')}, …` : ranges.join(', ');
}
