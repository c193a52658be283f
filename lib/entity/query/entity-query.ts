import type { EntityClient } from '../common/entity-client.js';
import { type EntityKey, indexKey, keysIn, uniqueKey } from '../keys/entity-key.js';
import { keyOfReference, referenceInRecord, uniqueBucketOf } from '../keys/global-entry.js';
import { idTextOf } from '../keys/index-entry.js';
import type { Direction } from '../planning/query-order.js';
import {
  type GlobalSource,
  type PlanOptions,
  type QueryPlan,
  type QuerySource,
  isGlobalWhere,
  planGlobalQuery,
  planQuery,
} from '../planning/query-plan.js';
import { conditionsCheck, encodingsOf, isFoundBy } from '../planning/source-match.js';
import type { EntitySchema } from '../schema/entity-schema.js';
import { GlobalIndexReader } from './global-index-reader.js';
import { type EntryReader, IndexReader } from './index-reader.js';
import { type LookUp, LookupReader } from './lookup-reader.js';

/** One index or unique constraint of a query. */
export interface SourceReader {
  readonly reader: EntryReader;
  /** The name of the index or unique constraint; absent for the list of all rows. */
  readonly name?: string;
  /** What precedes the values by which sources are merged, in each entry. */
  readonly beginning: string;
  keyOf(entry: string): EntityKey;
  /** Returns whether the current row matches this source and its entry. */
  fits(entity: object, entry: string): boolean;
  /** Returns whether this source finds the current row. */
  finds(entity: object): boolean;
}

/** An index of a partition that has exactly one entry for each matching row, also for those that have expired. */
export interface ExactIndex {
  readonly tag: string;
  readonly reader: IndexReader;
}

/** How the rows of a query are found. */
export interface EntityQuery {
  readonly sources: readonly SourceReader[];
  readonly direction: Direction;
  /** The number of encodings by which sources are merged; 0 if they follow one another. */
  readonly mergedBy: number;
  /** Whether an index covers the query, so that all of its entries match but those of expired or changed rows. */
  readonly isCovered: boolean;
  /** Present if the rows can be counted by their entries. */
  readonly exact?: ExactIndex;
}

/** Returns the query for conditions. @throws UnindexedQueryError, InvalidArgumentError */
export const queryOf = (
  client: EntityClient,
  schema: EntitySchema,
  where: object,
  options: PlanOptions,
): EntityQuery =>
  isGlobalWhere(schema, where)
    ? globalQuery(client, schema, where, options)
    : partitionQuery(client, schema, planQuery(schema, where, options));

function partitionQuery(client: EntityClient, schema: EntitySchema, plan: QueryPlan): EntityQuery {
  const { tag, sources, direction, mergedBy } = plan;
  // The list of all rows has the deleted ones too.
  const coversAll = ({ index, isCovered }: QuerySource): boolean =>
    isCovered && !(index.fields.length === 0 && schema.deletion);
  const keyOf = keysIn(schema, tag);
  const readers = sources.map((source): SourceReader & { readonly exact?: ExactIndex } => {
    const { index, uniques, ranges, beginning = '' } = source;
    const lookUp: LookUp = (values) => client.hmget(uniqueKey(schema, tag), ...values);
    const reader = uniques
      ? new LookupReader(lookUp, uniques)
      : new IndexReader(client, indexKey(schema, tag), ranges);
    return {
      name: index.fields.length > 0 ? index.name : undefined,
      beginning,
      reader,
      keyOf: (entry) => keyOf(idTextOf(entry)),
      finds: (entity) => isFoundBy(source, entity),
      fits: conditionsCheck(source),
      exact: reader instanceof IndexReader && coversAll(source) ? { tag, reader } : undefined,
    };
  });
  return {
    sources: readers,
    direction,
    mergedBy,
    isCovered: sources.length <= 1 && sources.every(coversAll),
    exact: readers.length === 1 ? readers[0].exact : undefined,
  };
}

function globalQuery(
  client: EntityClient,
  schema: EntitySchema,
  where: object,
  options: PlanOptions,
): EntityQuery {
  const { sources, direction, mergedBy } = planGlobalQuery(schema, where, options);
  return {
    sources: sources.map((source) => globalSource(client, schema, source)),
    direction,
    mergedBy,
    isCovered: sources.length <= 1,
  };
}

function globalSource(client: EntityClient, schema: EntitySchema, source: GlobalSource): SourceReader {
  const { index, uniques, ranges, buckets, beginning = '' } = source;
  const lookUp = async (encodings: string): Promise<string | null> => {
    const [record] = await client.hmget(uniqueBucketOf(index, encodings), encodings);
    return record && referenceInRecord(record);
  };
  const finds = (entity: object): boolean => isFoundBy(source, entity);
  return {
    name: index.name,
    beginning,
    reader: uniques
      ? new LookupReader((values) => Promise.all(values.map(lookUp)), uniques)
      : new GlobalIndexReader(client, buckets, ranges),
    keyOf: (entry) => keyOfReference(schema, idTextOf(entry)),
    finds,
    // A global index may have several entries of a row: only the one with its current value counts.
    fits: (entity, entry) =>
      finds(entity) && encodingsOf(index, entity)!.join('\0') === entry.slice(0, entry.lastIndexOf('\0')),
  };
}
