import { ROW_FIELDS } from '../keys/stored-names.js';
import { type CommitFault, faultError } from '../operations/commit-faults.js';
import type { TransactionContext } from './transaction-context.js';
import {
  EntityNotFoundError,
  PartitionKeyChangedError,
  TransactionTooLargeError,
} from '../common/entity-errors.js';
import { type EmittedEvent, outboxOf } from '../operations/outbox.js';
import { runHooks } from '../decorators/lifecycle-hooks.js';
import { MAX_TRANSACTION_BYTES, MAX_TRANSACTION_ROWS } from './partition-transaction.js';
import { type QueryGuard, type RowOperation } from '../operations/row-operation.js';
import { type Guard } from '../rows/row-mapper.js';
import { bytesIn } from '../operations/commit-arguments.js';
import type { TransactionCollections } from './transaction-collections.js';
import type { TransactionIncrement, TransactionRead, TransactionWrite } from './transaction-record.js';
import type { WriteOptions } from '../common/write-options.js';
import type { PlannedWrite } from '../commit/write-planner.js';

/** What a transaction's function has read and wants written, by the keys of the rows. */
export interface TransactionRecord {
  readonly reads: ReadonlyMap<string, TransactionRead>;
  /** What queries must still find. */
  readonly queries: readonly QueryGuard[];
  readonly writes: ReadonlyMap<string, TransactionWrite>;
  readonly increments: ReadonlyMap<string, TransactionIncrement>;
  readonly collections: ReadonlyMap<string, TransactionCollections>;
  readonly events: readonly EmittedEvent[];
}

/**
 * Writes all of it in one commit, which also checks that what was read is still so.
 *
 * @returns false where it is not, and nothing was written: run again, the function will see what is there now.
 */
export async function commitTransaction(
  { committer, planner, schemas }: TransactionContext,
  tag: string,
  record: TransactionRecord,
  options: WriteOptions,
): Promise<boolean> {
  const planned = new Map<string, PlannedWrite>();
  for (const [row, { kind, mapper, entity }] of record.writes) {
    const write = await planner.prepare(kind, mapper, entity);
    if (!write) continue;
    const { schema, key } = write.operation;
    if (key.row !== row) throw new PartitionKeyChangedError(schema.name, row); // by a hook
    planned.set(row, write);
  }
  const missing = touchedInVain(record, planned);
  if (missing) {
    if (await haveReadsChanged({ committer }, record)) return false;
    throw new EntityNotFoundError(missing.mapper.schema.name, missing.key.row);
  }
  const operations = rowOperations(record, planned);
  // Without a write, one row was as it was read; several were read at different moments.
  const noted = record.increments.size + record.collections.size + record.events.length;
  const isReading = planned.size + noted === 0;
  if (isReading && record.queries.length === 0 && operations.length < 2) return true;
  checkSize(operations, record.events);
  // What writes nothing has nothing to be durable.
  const durability = isReading ? undefined : options.durability;
  const { queries, events } = record;
  const outbox = events.length > 0 ? outboxOf(tag, schemas.inPartition(tag), events) : undefined;
  const outcome = await committer.tryCommit(operations, { ...options, durability }, { queries, outbox });
  if (outcome.fault) {
    if (outcome.fault === 'QUERY' || isConflict(outcome, record.reads.get(outcome.operation.key.row)))
      return false;
    throw faultError(outcome);
  }
  for (const [i, { key }] of operations.entries()) planned.get(key.row)?.done(outcome.versions[i] ?? 0);
  for (const { operation, event, entity } of planned.values())
    await runHooks(operation.schema, `after ${event}`, entity);
  if (outcome.unconfirmed) throw outcome.unconfirmed; // all of it is written
  return true;
}

/** Whether any of the rows is not as it was read, or a query finds something else. */
export async function haveReadsChanged(
  { committer }: Pick<TransactionContext, 'committer'>,
  { reads, queries }: Pick<TransactionRecord, 'reads' | 'queries'>,
): Promise<boolean> {
  const operations = [...reads.values()].map(readOperation);
  return (await committer.tryCommit(operations, {}, { queries })).fault !== undefined;
}

/** A row that was not there when it was read, and whose counters or collections are to be written all the same. */
function touchedInVain(
  { reads, increments, collections }: TransactionRecord,
  planned: ReadonlyMap<string, PlannedWrite>,
): TransactionRead | undefined {
  const touched = [...increments.keys(), ...collections.keys()].filter((row) => !planned.has(row));
  return touched.map((row) => reads.get(row)).find((read) => read?.row === null);
}

/** One operation a row: what is to be written, and what was read to be checked. */
function rowOperations(
  { reads, increments, collections: collected }: TransactionRecord,
  planned: ReadonlyMap<string, PlannedWrite>,
): RowOperation[] {
  const rows = new Set([...reads.keys(), ...planned.keys(), ...increments.keys(), ...collected.keys()]);
  return [...rows].map((row) => {
    const read = reads.get(row);
    const increment = increments.get(row);
    const checked = read && readOperation(read);
    const collections = collected.get(row);
    const touched = increment ?? collections;
    const touch = touched && touchOperation(touched, checked?.expected);
    const operation = planned.get(row)?.operation ?? touch ?? checked!;
    const isDelete = operation.mode === 'delete';
    return {
      ...operation,
      guards: checked?.guards,
      increments: isDelete ? undefined : increment?.steps,
      collected: isDelete ? undefined : collections?.collected,
    };
  });
}

/** Checks that a row is as it was read. Counters and the expiry are no part of the version: they are compared. */
function readOperation({ mapper, key, row }: TransactionRead): RowOperation {
  const { schema } = mapper;
  if (!row) return { schema, key, mode: 'absent' };
  const guards = schema.counters.map(({ property }, i): Guard => [property, row.counters[i] || undefined]);
  if (schema.expiresAt) guards.push([ROW_FIELDS.expiresAt, row.expiresAt?.toString()]);
  return {
    schema,
    key,
    mode: 'check',
    expected: row.version,
    guards: guards.length > 0 ? guards : undefined,
  };
}

/** What writes no property: counters and collections. */
function touchOperation(
  { mapper, key }: TransactionIncrement | TransactionCollections,
  expected: number | undefined,
): RowOperation {
  return { schema: mapper.schema, key, mode: 'touch', expected };
}

/** Whether a fault comes of a row that is not as the transaction has read it. */
function isConflict({ fault, detail }: CommitFault, read: TransactionRead | undefined): boolean {
  if (!read || !CONFLICTS.has(fault)) return false;
  const now = detail === '' ? undefined : Number(detail);
  if (now !== read.row?.version) return true;
  // The row is at the version that was read: its counters or its expiry have changed, or else the write was wrong.
  return fault === 'CHANGED';
}

const CONFLICTS: ReadonlySet<string> = new Set(['EXISTS', 'MISSING', 'CONFLICT', 'CHANGED']);

function checkSize(operations: readonly RowOperation[], events: readonly EmittedEvent[]): void {
  if (operations.length > MAX_TRANSACTION_ROWS)
    throw new TransactionTooLargeError('rows', operations.length, MAX_TRANSACTION_ROWS);
  let bytes = events.reduce((sum, { payload }) => sum + Buffer.byteLength(payload), 0);
  for (const operation of operations) bytes += bytesIn(operation);
  if (bytes > MAX_TRANSACTION_BYTES)
    throw new TransactionTooLargeError('bytes to write', bytes, MAX_TRANSACTION_BYTES);
}
