import type { TransactionContext } from './transaction-context.js';
import { TransactionTooLargeError } from '../common/entity-errors.js';
import { indexKey, uniqueKey } from '../keys/entity-key.js';
import { entriesAfterSweep } from '../query/expiry-queue.js';
import { digestOf } from '../query/entry-digest.js';
import { IndexReader } from '../query/index-reader.js';
import { idTextOf } from '../keys/index-entry.js';
import { MAX_TRANSACTION_ROWS } from '../operations/commit-limits.js';
import type { QueryPlan, QuerySource } from '../planning/query-plan.js';
import { isFoundBy, isPresent } from '../planning/source-match.js';
import { encodingOfSpan } from '../planning/spans.js';
import { ABSENT, encodingName } from '../keys/stored-names.js';
import type { QueryGuard } from '../operations/row-operation.js';
import type { RowMapper } from '../rows/row-mapper.js';
import type { EntitySchema } from '../schema/entity-schema.js';

/** The rows that a query may find in a transaction, and the guards that check at the commit that they are the same. */
export interface TransactionQuery {
  /** The ids of the rows, as in keys, each once. */
  readonly idTexts: readonly string[];
  readonly guards: readonly QueryGuard[];
}

/**
 * Runs a query on its indexes.
 *
 * @throws TransactionTooLargeError if it finds more rows than a transaction may read.
 */
export async function readQuery(
  context: TransactionContext,
  { schema }: RowMapper,
  { tag, sources }: QueryPlan,
): Promise<TransactionQuery> {
  const { records } = context;
  for (const { index } of sources) if (index.fields.length > 0) await records.assertReady(schema, index.name);
  const reads = await Promise.all(sources.map((source) => readSource(context, schema, tag, source)));
  const idTexts = new Set(reads.flatMap((read) => read.idTexts));
  if (idTexts.size > MAX_TRANSACTION_ROWS)
    throw new TransactionTooLargeError('rows or more', idTexts.size, MAX_TRANSACTION_ROWS);
  return { idTexts: [...idTexts], guards: reads.map(({ guard }) => guard) };
}

async function readSource(
  { client, sweepPartition }: TransactionContext,
  schema: EntitySchema,
  tag: string,
  { uniques, ranges }: QuerySource,
): Promise<{ idTexts: readonly string[]; guard: QueryGuard }> {
  if (uniques) {
    const key = uniqueKey(schema, tag);
    const ids = uniques.length > 0 ? await client.hmget(key, ...uniques) : [];
    const guard: QueryGuard = { key, held: uniques.map((entry, i) => [entry, ids[i] ?? ''] as const) };
    return { idTexts: ids.filter((id) => id !== null), guard };
  }
  const key = indexKey(schema, tag);
  const reader = new IndexReader(client, key, ranges);
  const entries = await entriesAfterSweep(sweepPartition, schema, tag, reader, MAX_TRANSACTION_ROWS);
  return {
    idTexts: entries.map(idTextOf),
    guard: { key, ranges, count: entries.length, digest: digestOf(entries) },
  };
}

/** Returns whether a query will find an entity once it is written. */
export const isFound = ({ sources }: QueryPlan, entity: object): boolean =>
  sources.some((source) => isFoundBy(source, entity));

/** Sorts entities in the order of a query. */
export function inOrder<E extends object>(
  plan: QueryPlan,
  entities: readonly E[],
  idTextOfEntity: (entity: E) => string,
): E[] {
  const placed = entities.map((entity) => ({ entity, place: placeIn(plan, entity, idTextOfEntity(entity)) }));
  const sign = plan.direction === 'asc' ? 1 : -1;
  return placed.sort((a, b) => sign * Buffer.compare(a.place, b.place)).map(({ entity }) => entity);
}

/** Returns the place of an entity in the order of a query: by the values it is sorted by, then by its source. */
function placeIn({ sources, mergedBy }: QueryPlan, entity: object, idText: string): Buffer {
  const found = sources.findIndex((source) => isFoundBy(source, entity));
  const number = Math.max(found, 0); // it may have been changed after it was read, without a save
  const { index, conditions, beginning = '' } = sources[number];
  const encodings = index.fields.map((field) => {
    const condition = conditions.find((one) => encodingName(one.field) === encodingName(field));
    if (field.element) return condition ? encodingOfSpan(condition.spans[0]) : '';
    const value: unknown = Reflect.get(entity, field.property);
    return isPresent(value) ? field.codec.order(value) : ABSENT;
  });
  const parts = [...encodings, idText];
  const known = beginning.split('\0').length - 2; // the name of the index, and what follows the last separator
  const sortedBy = mergedBy > 0 ? parts.slice(known, known + mergedBy) : [];
  return Buffer.from([...sortedBy, String(number).padStart(4, '0'), ...parts].join('\0'));
}
