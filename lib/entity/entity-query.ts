import type { EntityClient } from './entity-client.js';
import { type EntityKey, entityKeyIn, indexKey, uniqueKey } from './entity-key.js';
import type { EntitySchema, IndexSchema } from './entity-schema.js';
import { keyOfReference, referenceInRecord, uniqueBucketOf } from './global-entry.js';
import { GlobalIndexReader } from './global-index-reader.js';
import { type GlobalPlan, isGlobalWhere, planGlobalQuery } from './global-query.js';
import { IndexReader, idTextOf } from './index-reader.js';
import { meets } from './query-condition.js';
import { type QueryPlan, planQuery } from './query-plan.js';

/** A row that an index has named. */
export interface FoundRow {
  readonly key: EntityKey;
  /** Whether the row, as it is now, is what the index has named it for. */
  fits(entity: object): boolean;
}

/** How the rows of a where are found. */
export interface EntityQuery {
  /** The entries of the index that answers it. */
  readonly reader: IndexReader;
  /** The row of an entry. */
  rowOf(entry: string): FoundRow;
  /** All rows at once, where a unique answers it. */
  readonly lookUp?: () => Promise<FoundRow[]>;
  /** The partition, whose index is exact; absent where all of them are asked, and the rows alone tell. */
  readonly tag?: string;
  /** The index or unique that answers it; absent for the list of rows. */
  readonly name?: string;
}

/** A where as a query. @throws UnindexedQueryError, InvalidArgumentError */
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
  const lookUp = async (): Promise<FoundRow[]> => {
    if (!uniques || uniques.length === 0) return [];
    const ids = await client.hmget(uniqueKey(schema, tag), ...uniques);
    return ids.flatMap((id) => (id === null ? [] : [row(id)]));
  };
  return {
    tag,
    name,
    reader: new IndexReader(client, indexKey(schema, tag), ranges),
    rowOf: (entry) => row(idTextOf(entry)),
    lookUp: uniques && lookUp,
  };
}

function globalQuery(
  client: EntityClient,
  schema: EntitySchema,
  { index, conditions, uniques, ranges, buckets }: GlobalPlan,
): EntityQuery {
  // A global index may have more than one entry of a row: only that of its value counts.
  const row = (reference: string, encodings: string): FoundRow => ({
    key: keyOfReference(schema, reference),
    fits: (entity) => meetsAll(entity, conditions) && encodingsOf(index, entity) === encodings,
  });
  const lookUp = async (encodings: string): Promise<FoundRow[]> => {
    const [record] = await client.hmget(uniqueBucketOf(index, encodings), encodings);
    return record === null ? [] : [row(referenceInRecord(record), encodings)];
  };
  return {
    name: index.name,
    reader: new GlobalIndexReader(client, buckets, ranges),
    rowOf: (entry) => row(idTextOf(entry), entry.slice(0, entry.lastIndexOf('\0'))),
    lookUp: uniques && (async () => (await Promise.all(uniques.map(lookUp))).flat()),
  };
}

const meetsAll = (entity: object, conditions: QueryPlan['conditions']): boolean =>
  conditions.every((condition) => meets(Reflect.get(entity, condition.field.property), condition));

/** The encodings of an index's fields; undefined where one is absent. */
function encodingsOf({ fields }: IndexSchema, entity: object): string | undefined {
  const values = fields.map(({ property }): unknown => Reflect.get(entity, property));
  if (values.some((value) => value === undefined || value === null)) return undefined;
  return fields.map(({ codec }, i) => codec.order(values[i])).join('\0');
}
