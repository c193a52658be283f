import { INDEX_LISTS, encodingName } from '../keys/stored-names.js';
import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { checkFlag } from '../common/argument-checks.js';
import { UnindexedQueryError } from '../common/entity-errors.js';
import { partitionTag } from '../keys/entity-key.js';
import { bucketsOf } from '../keys/global-entry.js';
import type { Span } from '../keys/index-entry.js';
import { assertNoDeletion } from '../schema/deletion-schema.js';
import type { EntitySchema, GlobalIndexSchema, IndexSchema } from '../schema/entity-schema.js';
import { type FitOrder, type IndexFit, bestFit } from './index-fit.js';
import { type GivenConditions, branchesOf } from './query-branches.js';
import { type FieldCondition, bothOf, readCondition } from './query-condition.js';
import { type Direction, type QueryOrder, readOrder } from './query-order.js';
import { ABSENT_SPAN, EVERYTHING, complement, encodingOfSpan, intersection, prefixed } from './spans.js';
import { unindexedQuery } from './unindexed-query.js';

/** What a call says about a query, besides its conditions. */
export interface PlanOptions {
  readonly order?: unknown;
  readonly scan?: unknown;
}

/** Rows that are found by one index, in its order. */
export interface QuerySource<Index extends IndexSchema = IndexSchema> {
  /** The index or unique constraint; `ALL_ROWS` for the list of all rows. */
  readonly index: Index;
  /** The conditions that each row must meet, whatever the index says. */
  readonly conditions: readonly FieldCondition[];
  /** Whether the index covers all conditions. */
  readonly isCovered: boolean;
  /** Entries to look up in a unique constraint, each with at most one row; else the query reads `ranges`. */
  readonly uniques?: readonly string[];
  /** Ranges of the index, in its order, without overlaps. */
  readonly ranges: readonly Span[];
  /** What precedes the values that sources are merged by, in each entry; absent if sources follow one another. */
  readonly beginning?: string;
}

/** How a query is run. */
interface Plan<Source extends QuerySource> {
  readonly direction: Direction;
  readonly sources: readonly Source[];
  /** The number of encodings by which sources are merged; 0 if they follow one another. */
  readonly mergedBy: number;
}

/** How a query in a partition is run. */
export interface QueryPlan extends Plan<QuerySource> {
  readonly tag: string;
}

/** How a query over all partitions is run. */
export type GlobalPlan = Plan<GlobalSource>;

/** Rows that are found by one global index. */
export interface GlobalSource extends QuerySource<GlobalIndexSchema> {
  /** The keys that hold the ranges. */
  readonly buckets: readonly string[];
}

/** The list of all rows of a partition. */
export const ALL_ROWS: IndexSchema = { kind: 'index', name: INDEX_LISTS.rows, fields: [], nulls: true };

/** Returns whether a query is over all partitions: the entity has global indexes, and the query names no partition. */
export function isGlobalWhere({ globals, partitionKey }: EntitySchema, where: object): boolean {
  if (globals.length === 0 || typeof where !== 'object' || where === null) return false; // the plan rejects it
  return !partitionKey || !Object.hasOwn(where, partitionKey.property);
}

/**
 * Finds the indexes or unique constraints that cover a query in a partition.
 *
 * @throws UnindexedQueryError if none does.
 * @throws InvalidArgumentError if the partition key is missing, or a condition or an option is invalid.
 */
export function planQuery(schema: EntitySchema, where: object, options: PlanOptions = {}): QueryPlan {
  const { partitionKey, name, indexes } = schema;
  if (!partitionKey)
    throw new UnindexedQueryError(name, `${name} is a partition of its own and can only be found by its key`);
  const isScan = readScan(options);
  const order = readOrder(schema, options.order);
  const branches = branchesOf(schema, where);
  if (!Object.hasOwn(where, partitionKey.property))
    throw new InvalidArgumentError(
      partitionKey.property,
      `A query on ${name} must include the partition key \`${partitionKey.property}\``,
    );
  const tag = partitionTag(schema, Reflect.get(where, partitionKey.property));
  const conditions = branches.map((branch) =>
    branch.filter(([property]) => property !== partitionKey.property),
  );
  const lists = [ALL_ROWS, ...indexes];
  const fitOrder = { ...order, isAlone: branches.length === 1 };
  const fits = conditions.map((given) => fitFor(schema, lists, given, fitOrder, isScan));
  const plan = planOf(fits, order, (fit, isAlone) => sourcesOf(fit, isAlone, `${fit.index.name}\0`));
  return { tag, ...plan };
}

/**
 * Finds the global indexes or unique constraints that cover a query over all partitions.
 *
 * @throws UnindexedQueryError if none does.
 * @throws InvalidArgumentError if a condition or an option is invalid.
 */
export function planGlobalQuery(schema: EntitySchema, where: object, options: PlanOptions = {}): GlobalPlan {
  const order = readOrder(schema, options.order);
  if (readScan(options))
    throw new InvalidArgumentError(
      'scan',
      `scan reads the rows of one partition: name one in the query on ${schema.name}, or filter the rows of stream()`,
    );
  const branches = branchesOf(schema, where);
  const fits = branches.map((given) => {
    const isListed = schema.globals.some(({ fields }) => fields.length === 0);
    if (given.length === 0 && order.by.length === 0 && !isListed) throw noCondition(schema);
    return fitFor(schema, schema.globals, given, { ...order, isAlone: branches.length === 1 }, false);
  });
  return planOf(fits, order, (fit, isAlone) => {
    const buckets = bucketsFor(fit);
    // The name of a global index is part of its keys.
    return sourcesOf(fit, isAlone, '').map((source): GlobalSource => ({
      ...source,
      index: fit.index,
      buckets,
    }));
  });
}

const noCondition = ({ name }: EntitySchema): UnindexedQueryError =>
  new UnindexedQueryError(
    name,
    `A query on ${name} must include the partition key, or a property of a global index; @ClusterEntity({ listed: true }) keeps a list of all rows, and stream() reads all rows`,
  );

/** Returns the plan of alternatives, each served by an index. */
function planOf<Index extends IndexSchema, Source extends QuerySource>(
  fits: readonly IndexFit<Index>[],
  { by, isByKey, direction }: QueryOrder,
  sourcesOfFit: (fit: IndexFit<Index>, isAlone: boolean) => Source[],
): Plan<Source> {
  const sources = fits.flatMap((fit) => sourcesOfFit(fit, fits.length === 1));
  const isMerged = sources.length > 1 && (by.length > 0 || isByKey);
  if (isMerged && sources.length > MAX_MERGED)
    throw new InvalidArgumentError(
      'order',
      `The query reads ${sources.length} parts of indexes and would merge them into one order; the limit is ${MAX_MERGED}`,
    );
  return { sources, direction, mergedBy: isMerged ? fits[0].ordered : 0 };
}

function readScan({ scan }: PlanOptions): boolean {
  checkFlag('scan', scan);
  return scan === true;
}

/** Returns how an index serves conditions. @throws UnindexedQueryError */
function fitFor<Index extends IndexSchema>(
  schema: EntitySchema,
  indexes: readonly Index[],
  given: GivenConditions,
  order: FitOrder,
  isScan: boolean,
): IndexFit<Index> {
  const asked = [...new Set(given.map(([property]) => property))];
  assertNoDeletion(schema, [...asked, ...order.by]);
  const conditions = new Map<string, FieldCondition>();
  for (const [property, operand] of given) {
    const field = schema.fields.find((known) => known.property === property);
    const isIndexed = indexes.some(({ fields }) => fields.some((one) => one.property === property));
    if (!field || !(isScan || isIndexed)) throw unindexedQuery(schema, asked, order);
    const condition = readCondition(schema.name, field, operand);
    const name = encodingName(condition.field);
    const other = conditions.get(name);
    conditions.set(name, other ? bothOf(other, condition) : condition);
  }
  const fit = bestFit(indexes, conditions, order, isScan);
  if (!fit) throw unindexedQuery(schema, asked, order);
  return fit;
}

/** Returns the sources of a fit: one, unless its results must be merged. */
function sourcesOf(fit: IndexFit, isAlone: boolean, root: string): QuerySource[] {
  const { index, exact, ranged, residual } = fit;
  const beginnings = beginningsOf(exact, index.kind === 'unique' ? 1 : (ranged?.spans.length ?? 1));
  const covered = ranged ? [...exact, ranged] : exact;
  const source = { index, conditions: [...covered, ...residual], isCovered: residual.length === 0 };
  if (index.kind === 'unique')
    return [{ ...source, uniques: beginnings.map((text) => root + text.slice(0, -1)), ranges: [] }];
  const rangesAfter = (beginning: string): Span[] =>
    prefixed(root + beginning, ranged ? spansIn(index, ranged) : [EVERYTHING]);
  if (fit.ordered === 0 || (beginnings.length === 1 && isAlone))
    return [{ ...source, ranges: beginnings.flatMap(rangesAfter) }];
  return combinationsOf(exact).map((values) => {
    const [beginning] = beginningsOf(values, 1);
    const conditions = [...values, ...(ranged ? [ranged] : []), ...residual];
    return { ...source, conditions, ranges: rangesAfter(beginning), beginning: root + beginning };
  });
}

/** Returns conditions of one value each, for all combinations of values. */
const combinationsOf = (exact: readonly FieldCondition[]): FieldCondition[][] =>
  exact.reduce<FieldCondition[][]>(
    (known, condition) =>
      known.flatMap((values) => condition.spans.map((span) => [...values, { ...condition, spans: [span] }])),
    [[]],
  );

/** Returns the spans of a condition in an index. One that has rows without a value has them among the others. */
const spansIn = ({ nulls = false }: IndexSchema, { spans, findsAbsent }: FieldCondition): readonly Span[] =>
  nulls && !findsAbsent ? intersection(spans, complement([ABSENT_SPAN])) : spans;

/** Returns the beginnings of entries with single values, each value followed by a separator. */
function beginningsOf(exact: readonly FieldCondition[], spansEach: number): string[] {
  let beginnings = [''];
  for (const { spans } of exact) {
    const encodings = spans.map(encodingOfSpan);
    beginnings = beginnings.flatMap((beginning) => encodings.map((encoding) => `${beginning}${encoding}\0`));
  }
  if (beginnings.length * spansEach > MAX_RANGES)
    throw new InvalidArgumentError(
      'in',
      `The lists of the query multiply to ${beginnings.length * spansEach} lookups; the limit is ${MAX_RANGES}`,
    );
  return beginnings;
}

/** The maximum number of lookups that the lists of a query may multiply to. */
const MAX_RANGES = 1_000;

/** The maximum number of sources that are merged: each page reads from all of them. */
const MAX_MERGED = 100;

function bucketsFor({ index, exact }: IndexFit<GlobalIndexSchema>): string[] {
  if (exact.length === 0) return bucketsOf(index);
  return [...new Set(exact[0].spans.map(encodingOfSpan).flatMap((encoding) => bucketsOf(index, encoding)))];
}
