import { keySlot } from '../../cluster/topology/key-slot.js';
import { KEY_SUFFIXES } from '../keys/stored-names.js';
import { type EntityKey, entityKeyOfRow, indexKey, uniqueKey } from '../keys/entity-key.js';
import { SlotKeys } from '../keys/slot-keys.js';
import type { EntitySchema } from '../schema/entity-schema.js';
import type { PartitionContext } from './partition-context.js';

/** The keys of a partition, without the client's prefix. */
export interface PartitionKeys {
  readonly all: readonly string[];
  /** The keys of rows, and of rows that are gone and have left a collection. */
  readonly rows: ReadonlyMap<EntitySchema, readonly EntityKey[]>;
  /** The indexes and unique constraints. */
  readonly lists: readonly string[];
  /** Token windows, fences and locks, which expire by themselves. */
  readonly passing: readonly string[];
  /** Keys with the hash tag that belong to no registered class. */
  readonly unknown: readonly string[];
}

/**
 * Lists the keys of a partition from the keys of its slot. Each primary runs one command, which takes the longer, the
 * more keys the slot has.
 */
export async function keysOfPartition(context: PartitionContext, tag: string): Promise<PartitionKeys> {
  const prefix = await context.keys.prefix();
  const [names] = await new SlotKeys(context.primary, prefix + tag).names([keySlot(tag)]);
  const all = [...names].map((name) => name.slice(prefix.length)).sort();
  const schemas = context.schemas.inPartition(tag);
  const lists = new Set(schemas.flatMap((schema) => [indexKey(schema, tag), uniqueKey(schema, tag)]));
  const rows = new Map<EntitySchema, Map<string, EntityKey>>(schemas.map((schema) => [schema, new Map()]));
  const [passing, unknown]: [string[], string[]] = [[], []];
  for (const key of all) {
    if (lists.has(key)) continue;
    if (PASSING.some((suffix) => key.startsWith(tag + suffix))) passing.push(key);
    else if (!placeRow(rows, key)) unknown.push(key);
  }
  return {
    all,
    rows: new Map([...rows].map(([schema, keys]) => [schema, [...keys.values()]])),
    lists: all.filter((key) => lists.has(key)),
    passing,
    unknown,
  };
}

const PASSING = [
  KEY_SUFFIXES.windowTimes,
  KEY_SUFFIXES.windowAnswers,
  KEY_SUFFIXES.fences,
  KEY_SUFFIXES.lock,
] as const;

/** Notes the row that a key belongs to. Returns whether there is such a row. */
function placeRow(rows: ReadonlyMap<EntitySchema, Map<string, EntityKey>>, key: string): boolean {
  for (const [schema, found] of rows) {
    const row = entityKeyOfRow(schema, key) ?? ownerOfCollection(schema, key);
    if (!row) continue;
    found.set(row.row, row);
    return true;
  }
  return false;
}

/** Returns the row of a collection's key. */
function ownerOfCollection(schema: EntitySchema, key: string): EntityKey | undefined {
  const end = key.lastIndexOf(':');
  const property = key.slice(end + 1);
  return schema.collections.some((collection) => collection.property === property)
    ? entityKeyOfRow(schema, key.slice(0, end))
    : undefined;
}
