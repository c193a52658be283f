import { checkWhole } from '../common/argument-checks.js';
import { checkEntityOptions } from '../common/check-entity-options.js';
import type { EntityClient } from '../common/entity-client.js';
import type { PartitionContext } from './partition-context.js';
import { keysOfPartition } from './partition-keys.js';
import { ownerKey, rowList } from './row-list.js';

/** Options of `partition(key).size()`. */
export interface PartitionSizeOptions {
  /** How many keys of rows and collections are measured, from 1; 1,000 by default. Beyond it, the rest is estimated. */
  sample?: number | undefined;
}

/** How large a partition is. */
export interface PartitionSize {
  /** How many rows of each registered class the lists of rows have, by the name of the entity. */
  readonly rows: Readonly<Record<string, number>>;
  /** How many keys have the partition's hash tag, also those of no registered class. */
  readonly keys: number;
  /** The memory of these keys, as the server's MEMORY USAGE counts it. */
  readonly bytes: number;
  /** Whether every key was measured. Otherwise `bytes` is an estimate. */
  readonly isExact: boolean;
}

const SAMPLE = 1_000;
/** How many elements of a key the server measures to estimate the size of all. */
const ELEMENTS = 100;
/** How many keys are measured at the same time. */
const AT_ONCE = 100;

/** Counts the rows, keys and bytes of a partition. */
export async function partitionSize(
  context: PartitionContext,
  tag: string,
  options: PartitionSizeOptions = {},
): Promise<PartitionSize> {
  checkEntityOptions('partition.size()', options);
  const { sample = SAMPLE } = options;
  checkWhole('sample', sample, 1);
  const { primary } = context;
  const schemas = context.schemas.inPartition(tag);
  const counts = await Promise.all(
    schemas.map((schema) =>
      schema.partitionKey ? rowList(primary, schema, tag).count() : primary.exists(ownerKey(schema, tag).row),
    ),
  );
  const keys = await keysOfPartition(context, tag);
  // The lists of a class are few and large, so all of them are measured.
  const [few, many] = [[...keys.lists, ...keys.passing], new Set(keys.all)];
  for (const key of few) many.delete(key);
  const measured = spread([...many], sample);
  const bytes = (await bytesOf(primary, measured)) * (many.size / (measured.length || 1));
  return {
    rows: Object.fromEntries(schemas.map(({ name }, i) => [name, counts[i]])),
    keys: keys.all.length,
    bytes: Math.round(bytes + (await bytesOf(primary, few))),
    isExact: measured.length === many.size,
  };
}

/** Returns at most `count` keys from the whole list, at equal distances. */
function spread(keys: readonly string[], count: number): readonly string[] {
  if (keys.length <= count) return keys;
  return Array.from({ length: count }, (_, i) => keys[Math.floor((i * keys.length) / count)]);
}

async function bytesOf(client: EntityClient, keys: readonly string[]): Promise<number> {
  let sum = 0;
  for (let from = 0; from < keys.length; from += AT_ONCE) {
    const some = keys.slice(from, from + AT_ONCE);
    const sizes = await Promise.all(
      some.map((key) => client.send('memory', ['USAGE', key, 'SAMPLES', ELEMENTS], false)),
    );
    for (const size of sizes) sum += Number(size ?? 0); // null for a key that is gone
  }
  return sum;
}
