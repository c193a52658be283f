import type { TransactionContext } from './transaction-context.js';
import { TransactionTooLargeError } from '../common/entity-errors.js';
import { indexKey, uniqueKey } from '../keys/entity-key.js';
import { entriesAfterSweep } from '../query/expiry-queue.js';
import { digestOf, IndexReader } from '../query/index-reader.js';
import { idTextOf } from '../keys/index-entry.js';
import { MAX_TRANSACTION_ROWS } from '../operations/commit-limits.js';
import { meets } from '../query/query-condition.js';
import type { QueryPlan } from '../query/query-plan.js';
import type { QueryGuard } from '../operations/row-operation.js';
import type { RowMapper } from '../rows/row-mapper.js';

/** The result of a query in a transaction, and the guard that checks it at the commit. */
export interface TransactionQuery {
  /** The ids of the rows, as in keys, in the order of the query. */
  readonly idTexts: readonly string[];
  readonly guard: QueryGuard;
}

/**
 * Runs a query on its index.
 *
 * @throws TransactionTooLargeError if it finds more rows than a transaction may read.
 */
export async function readQuery(
  context: TransactionContext,
  { schema }: RowMapper,
  { tag, name, ranges, uniques }: QueryPlan,
): Promise<TransactionQuery> {
  const { client, records } = context;
  if (name !== undefined) await records.assertReady(schema, name);
  if (uniques) {
    const key = uniqueKey(schema, tag);
    const ids = uniques.length > 0 ? await client.hmget(key, ...uniques) : [];
    const guard: QueryGuard = { key, held: uniques.map((entry, i) => [entry, ids[i] ?? ''] as const) };
    return { idTexts: ids.filter((id) => id !== null), guard };
  }
  const key = indexKey(schema, tag);
  const reader = new IndexReader(client, key, ranges);
  const entries = await entriesAfterSweep(context.sweepPartition, schema, tag, reader, MAX_TRANSACTION_ROWS);
  if (entries.length > MAX_TRANSACTION_ROWS)
    throw new TransactionTooLargeError('rows or more', entries.length, MAX_TRANSACTION_ROWS);
  return {
    idTexts: entries.map(idTextOf),
    guard: { key, ranges, count: entries.length, digest: digestOf(entries) },
  };
}

/** Returns whether a query will find an entity once it is written. */
export function isFoundBy({ conditions, index }: QueryPlan, entity: object): boolean {
  const isIndexed = !index || index.fields.every(({ property }) => isPresent(Reflect.get(entity, property)));
  return (
    isIndexed &&
    conditions.every((condition) => meets(Reflect.get(entity, condition.field.property), condition))
  );
}

/** Returns the place of an entity in the order of a query. */
export function placeIn({ index }: QueryPlan, entity: object, idText: string): Buffer {
  const encodings = (index?.fields ?? []).map(({ property, codec }) => {
    const value: unknown = Reflect.get(entity, property);
    return isPresent(value) ? codec.order(value) : ''; // the property was changed after the query, without a save
  });
  return Buffer.from([...encodings, idText].join('\0'));
}

const isPresent = (value: unknown): boolean => value !== undefined && value !== null;
