import { ahead } from '../common/ahead.js';
import type { EntityClient } from '../common/entity-client.js';
import type { KeyWalker } from './key-walker.js';
import { entityKeyOfRow, indexKey, uniqueKey } from './entity-key.js';
import type { EntitySchema } from '../schema/entity-schema.js';
import { SlotKeys } from './slot-keys.js';

/** The partitions of a slot by tag, with the ids of the rows of one class in each. */
export type SlotRows = ReadonlyMap<string, readonly string[]>;

/** How many slots are counted at once. The last of them is always yielded, with or without rows. */
export const SLOT_STEP = 1_024;
/** How many slots, and about how many keys, are in memory at once. A slot with more keys is read alone. */
const MOST_SLOTS = 128;
const MOST_KEYS = 1_000;

interface WalkContext {
  readonly client: EntityClient;
  readonly keys: KeyWalker;
}

type FoundRows = readonly [slot: number, rows: SlotRows];

/**
 * Yields the rows of a class, slot by slot, so that a walk can be resumed. Slots without rows are skipped, except for
 * the last slot of each step and of the walk. The next slots are read while the caller uses the current ones.
 */
export async function* rowsBySlot(
  context: WalkContext,
  schema: EntitySchema,
  from: number,
  to: number,
): AsyncGenerator<FoundRows> {
  for await (const found of ahead(batchesOfRows(context, schema, from, to))) yield* found;
}

async function* batchesOfRows(
  { client, keys }: WalkContext,
  schema: EntitySchema,
  from: number,
  to: number,
): AsyncGenerator<FoundRows[]> {
  const prefix = await keys.prefix();
  const slotKeys = new SlotKeys(client, `${prefix}{${schema.partitionName}:`);
  for (let first = from; first < to;) {
    const end = Math.min(to, (Math.floor(first / SLOT_STEP) + 1) * SLOT_STEP);
    let last: number | undefined;
    for (const slots of grouped(await slotKeys.counts(first, end))) {
      const names = await slotKeys.names(slots);
      const found = slots.map((slot, i): FoundRows => [slot, rowsOf(schema, prefix, names[i])]);
      yield found.filter(([slot, rows]) => rows.size > 0 || slot === end - 1);
      last = slots.at(-1);
    }
    if (last !== end - 1) yield [[end - 1, new Map()]];
    first = end;
  }
}

function* grouped(counts: readonly (readonly [slot: number, count: number])[]): Generator<number[]> {
  let slots: number[] = [];
  let keys = 0;
  for (const [slot, count] of counts) {
    if (slots.length > 0 && (slots.length === MOST_SLOTS || keys + count > MOST_KEYS)) {
      yield slots;
      slots = [];
      keys = 0;
    }
    slots.push(slot);
    keys += count;
  }
  if (slots.length > 0) yield slots;
}

function rowsOf(schema: EntitySchema, prefix: string, names: Iterable<string>): SlotRows {
  const rows = new Map<string, string[]>();
  const idsIn = (tag: string): string[] => {
    let ids = rows.get(tag);
    if (!ids) rows.set(tag, (ids = []));
    return ids;
  };
  for (const name of names) {
    const key = name.slice(prefix.length);
    const tag = key.slice(0, key.indexOf('}') + 1);
    if (key === indexKey(schema, tag) || key === uniqueKey(schema, tag)) idsIn(tag);
    const row = key.includes('~') ? undefined : entityKeyOfRow(schema, key);
    if (row) idsIn(tag).push(row.idText);
  }
  return rows;
}
