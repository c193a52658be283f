import { ahead } from '../common/ahead.js';
import type { EntityClient } from '../common/entity-client.js';
import type { KeyWalker } from './key-walker.js';
import { entityKeyOfRow, indexKey, uniqueKey } from './entity-key.js';
import type { EntitySchema } from '../schema/entity-schema.js';
import { SlotKeys } from './slot-keys.js';

/** The partitions of a slot by their tags, and the ids of the rows of one class in each. */
export type SlotRows = ReadonlyMap<string, readonly string[]>;

/** Slots whose keys are counted at once. The last of them is always told, with rows or without. */
export const SLOT_STEP = 1_024;
/** Slots, and about as many keys, whose names are held at once; a slot with more keys is alone. */
const MOST_SLOTS = 128;
const MOST_KEYS = 1_000;

interface WalkContext {
  readonly client: EntityClient;
  readonly keys: KeyWalker;
}

type FoundRows = readonly [slot: number, rows: SlotRows];

/**
 * The rows of a class in slots from one on, slot by slot: a walk can be taken up again where it ended. Slots without
 * rows are passed over, but for the last of each step and of all. What comes next is read while the present is in use.
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
