import { SLOT_COUNT } from './key-slot.js';

/** For each slot, one more than the index of its shard; 0 for a slot without an owner. */
export type SlotTable = Uint8Array | Uint16Array;

/**
 * Returns a table that can hold this many shards, half as large for clusters of usual size.
 * @param entries the table that it begins with
 */
export function slotTable(shards: number, entries?: SlotTable): SlotTable {
  const table = shards <= 0xff ? new Uint8Array(SLOT_COUNT) : new Uint16Array(SLOT_COUNT);
  if (entries !== undefined) table.set(entries);
  return table;
}

/** Returns how many slots have an owner. */
export function coveredIn(table: SlotTable): number {
  let covered = 0;
  for (let slot = 0; slot < SLOT_COUNT; slot++) if (table[slot] !== 0) covered++;
  return covered;
}
