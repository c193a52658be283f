import { SLOT_COUNT } from '../../cluster/topology/key-slot.js';
import type { EntityContext } from '../repository/entity-context.js';
import { entityKeyOfRow } from './entity-key.js';
import type { EntitySchema } from '../schema/entity-schema.js';

/** The partitions of a slot by their tags, and the ids of the rows of one class in each. */
export type SlotRows = ReadonlyMap<string, readonly string[]>;

/** Slots that are asked for at once. */
const STEP = 128;
/** More keys of a slot than any server holds. */
const ALL_KEYS = 2 ** 31 - 1;

/** The rows of a class in slots from one on, slot by slot: a walk can be taken up again where it ended. */
export async function* rowsBySlot(
  context: EntityContext,
  schema: EntitySchema,
  from: number,
  to = SLOT_COUNT,
): AsyncGenerator<readonly [slot: number, rows: SlotRows]> {
  for (let first = from; first < to; first += STEP) {
    const slots = Array.from({ length: Math.min(STEP, to - first) }, (_, i) => first + i);
    const found = await Promise.all(slots.map(async (slot) => rowsIn(context, schema, slot)));
    for (const [i, rows] of found.entries()) yield [slots[i], rows];
  }
}

async function rowsIn(
  { client, keys }: EntityContext,
  schema: EntitySchema,
  slot: number,
): Promise<SlotRows> {
  const prefix = await keys.prefix();
  const primaries = client.target('primaries');
  const found = new Set<string>();
  // All primaries, and twice: a key that is moved between two of them may be passed over once.
  for (let round = 0; round < 2; round++) {
    const answers = await primaries.call('CLUSTER', 'GETKEYSINSLOT', slot, ALL_KEYS);
    for (const names of (answers as Map<string, string[]>).values())
      for (const name of names) found.add(name);
  }
  const rows = new Map<string, string[]>();
  const rowsOf = (tag: string): string[] => {
    let ids = rows.get(tag);
    if (!ids) rows.set(tag, (ids = []));
    return ids;
  };
  for (const name of found) {
    if (!name.startsWith(`${prefix}{${schema.partitionName}:`)) continue;
    const key = name.slice(prefix.length);
    const tag = key.slice(0, key.indexOf('}') + 1);
    if (key === `${tag}:${schema.name}~ix` || key === `${tag}:${schema.name}~uq`) rowsOf(tag);
    const row = key.includes('~') ? undefined : entityKeyOfRow(schema, key);
    if (row) rowsOf(tag).push(row.idText);
  }
  return rows;
}
