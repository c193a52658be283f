import type { EntityClient } from '../common/entity-client.js';
import { type EntityKey, entityKeyIn, indexKey, uniqueKey } from '../keys/entity-key.js';
import type { EntitySchema, IndexSchema } from '../schema/entity-schema.js';
import { keyOfReference, referenceInRecord, uniqueBucketOf } from '../keys/global-entry.js';
import { GlobalIndexReader } from './global-index-reader.js';
import { type GlobalPlan, isGlobalWhere, planGlobalQuery } from './global-query.js';
import { type EntryReader, IndexReader } from './index-reader.js';
import { idTextOf } from '../keys/index-entry.js';
import { LookupReader } from './lookup-reader.js';
import { meets } from './query-condition.js';
import { type QueryPlan, planQuery } from './query-plan.js';

/** A row that an index names. */
export interface FoundRow {
  readonly key: EntityKey;
  /** Returns whether the current row matches the query and the entry. */
  fits(entity: object): boolean;
}

/** An index of a partition that has exactly one entry for each matching row, also for those that have expired. */
export interface ExactIndex {
  readonly tag: string;
  readonly reader: IndexReader;
}

/** How the rows of a query are found. */
export interface EntityQuery {
  /** Reads the entries of the index or unique constraint that covers the query. */
  readonly reader: EntryReader;
  /** Returns the row of an entry. */
  rowOf(entry: string): FoundRow;
  /** Present if the rows can be counted by their entries. */
  readonly exact?: ExactIndex;
  /** The name of the index or unique constraint; absent for the list of all rows. */
  readonly name?: string;
}

/** Returns the query for conditions. @throws UnindexedQueryError, InvalidArgumentError */
export const queryOf = (client: EntityClient, schema: EntitySchema, where: object): EntityQuery =>
  isGlobalWhere(schema, where)
    ? globalQuery(client, schema, planGlobalQuery(schema, where))
    : partitionQuery(client, schema, planQuery(schema, where));

function partitionQuery(
  client: EntityClient,
  schema: EntitySchema,
  { tag, name, conditions, uniques, ranges }: QueryPlan,
): EntityQuery {
  const fits = (entity: object): boolean => meetsAll(entity, conditions);
  const row = (idText: string): FoundRow => ({ key: entityKeyIn(schema, tag, idText), fits });
  const rowOf = (entry: string): FoundRow => row(idTextOf(entry));
  if (uniques) {
    const key = uniqueKey(schema, tag);
    return { name, rowOf, reader: new LookupReader((values) => client.hmget(key, ...values), uniques) };
  }
  const reader = new IndexReader(client, indexKey(schema, tag), ranges);
  return { name, rowOf, reader, exact: { tag, reader } };
}

function globalQuery(
  client: EntityClient,
  schema: EntitySchema,
  { index, conditions, uniques, ranges, buckets }: GlobalPlan,
): EntityQuery {
  // A global index may have several entries of a row: only the one with its current value counts.
  const row = (reference: string, encodings: string): FoundRow => ({
    key: keyOfReference(schema, reference),
    fits: (entity) => meetsAll(entity, conditions) && encodingsOf(index, entity) === encodings,
  });
  const lookUp = async (encodings: string): Promise<string | null> => {
    const [record] = await client.hmget(uniqueBucketOf(index, encodings), encodings);
    return record && referenceInRecord(record);
  };
  return {
    name: index.name,
    reader: uniques
      ? new LookupReader((values) => Promise.all(values.map(lookUp)), uniques)
      : new GlobalIndexReader(client, buckets, ranges),
    rowOf: (entry) => row(idTextOf(entry), entry.slice(0, entry.lastIndexOf('\0'))),
  };
}

const meetsAll = (entity: object, conditions: QueryPlan['conditions']): boolean =>
  conditions.every((condition) => meets(Reflect.get(entity, condition.field.property), condition));

/** Returns the encodings of an index's fields; undefined if a field is absent. */
function encodingsOf({ fields }: IndexSchema, entity: object): string | undefined {
  const values = fields.map(({ property }): unknown => Reflect.get(entity, property));
  if (values.some((value) => value === undefined || value === null)) return undefined;
  return fields.map(({ codec }, i) => codec.order(values[i])).join('\0');
}
