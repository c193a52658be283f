import { UnindexedQueryError } from '../common/entity-errors.js';
import type { EntitySchema, GlobalIndexSchema } from '../schema/entity-schema.js';
import { bucketsOf } from '../keys/global-entry.js';
import type { FieldCondition } from './query-condition.js';
import type { Span } from '../keys/index-entry.js';
import { bestIndex, conditionsIn, conditionsOf, prefixes, rangesOf, unindexed } from './query-plan.js';

/** How a query over all partitions is run. */
export interface GlobalPlan {
  readonly index: GlobalIndexSchema;
  /** In the order of the index's fields. */
  readonly conditions: readonly FieldCondition[];
  /** Encodings to look up in a unique constraint, each with at most one row; else the query reads `ranges`. */
  readonly uniques?: readonly string[];
  /** Ranges of the index, in its order, without overlaps. */
  readonly ranges: readonly Span[];
  /** The keys that hold the ranges. */
  readonly buckets: readonly string[];
}

/** Returns whether a query is over all partitions: the entity has global indexes, and the query names no partition. */
export function isGlobalWhere({ globals, partitionKey }: EntitySchema, where: object): boolean {
  if (globals.length === 0 || typeof where !== 'object' || where === null) return false; // the plan refuses it
  return !partitionKey || !Object.hasOwn(where, partitionKey.property);
}

/**
 * Finds the global index or unique constraint that covers a query.
 *
 * @throws UnindexedQueryError if none does.
 * @throws InvalidArgumentError if a condition is invalid.
 */
export function planGlobalQuery(schema: EntitySchema, where: object): GlobalPlan {
  const given = conditionsIn(schema.name, where);
  if (given.size === 0)
    throw new UnindexedQueryError(
      schema.name,
      `A query on ${schema.name} must include the partition key, or a property of a global index; stream() reads all rows`,
    );
  const conditions = conditionsOf(schema.name, schema.globals, given);
  const index = conditions.size === given.size && bestIndex(schema.globals, conditions);
  if (!index) throw unindexed(schema, [...given.keys()]);
  const inOrder = index.fields.flatMap(({ property }) => conditions.get(property) ?? []);
  const beginnings = prefixes(index, inOrder);
  // Each prefix begins with the index's name, which is part of the key here.
  const skipped = Buffer.byteLength(index.name) + 1;
  if (index.kind === 'unique') {
    const uniques = beginnings.map((text) => text.slice(index.name.length + 1));
    return { index, conditions: inOrder, uniques, ranges: [], buckets: [] };
  }
  const ranges = beginnings
    .flatMap((prefix) => rangesOf(prefix, inOrder.at(-1)!))
    .map(({ from, to }): Span => ({ from: from.subarray(skipped), to: to.subarray(skipped) }));
  return { index, conditions: inOrder, ranges, buckets: bucketsFor(index, inOrder[0]) };
}

function bucketsFor(index: GlobalIndexSchema, { isExact, spans }: FieldCondition): string[] {
  if (!isExact) return bucketsOf(index);
  // The span of one value is its encoding and a separator.
  const encodings = spans.map(({ from }) => from.toString('utf8', 0, from.length - 1));
  return [...new Set(encodings.flatMap((encoding) => bucketsOf(index, encoding)))];
}
