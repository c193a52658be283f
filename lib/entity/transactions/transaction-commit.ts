import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { ROW_FIELDS } from '../keys/stored-names.js';
import { type CommitFault, faultError } from '../operations/commit-faults.js';
import type { TransactionContext } from './transaction-context.js';
import {
  EntityNotFoundError,
  PartitionKeyChangedError,
  TransactionTooLargeError,
} from '../common/entity-errors.js';
import { type EmittedEvent, outboxOf } from '../operations/outbox.js';
import { MAX_TRANSACTION_BYTES, MAX_TRANSACTION_ROWS } from '../operations/commit-limits.js';
import { type QueryGuard, type RowOperation } from '../operations/row-operation.js';
import { type Guard } from '../rows/row-mapper.js';
import { bytesIn } from '../operations/commit-arguments.js';
import type { TransactionCollections } from './transaction-collections.js';
import type { TransactionIncrement, TransactionRead, TransactionWrite } from './transaction-record.js';
import type { WriteOptions } from '../common/write-options.js';
import type { PlannedWrite } from '../commit/write-planner.js';

/** The reads and writes of a transaction's function, by the keys of the rows. */
export interface TransactionRecord {
  readonly reads: ReadonlyMap<string, TransactionRead>;
  /** The results of queries, which must be unchanged. */
  readonly queries: readonly QueryGuard[];
  readonly writes: ReadonlyMap<string, TransactionWrite>;
  readonly increments: ReadonlyMap<string, TransactionIncrement>;
  readonly collections: ReadonlyMap<string, TransactionCollections>;
  readonly events: readonly EmittedEvent[];
}

/**
 * Applies all writes in one commit, which also checks that everything that was read is unchanged.
 *
 * @returns false if something has changed. Nothing was written then, and the function can run again.
 */
export async function commitTransaction(
  { committer, planner, schemas, step: moved }: TransactionContext,
  tag: string,
  record: TransactionRecord,
  options: WriteOptions,
): Promise<boolean> {
  for (const [row, read] of record.reads) if (!record.writes.has(row)) checkUnchanged(read);
  const planned = new Map<string, PlannedWrite>();
  for (const [row, { kind, mapper, entity }] of record.writes) {
    const write = await planner.prepare(kind, mapper, entity);
    if (!write) continue;
    const { schema, key } = write.operation;
    if (key.row !== row) throw new PartitionKeyChangedError(schema.name, row); // by a hook
    planned.set(row, write);
  }
  const missing = touchedButMissing(record, planned);
  if (missing) {
    if (await haveReadsChanged({ committer }, record)) return false;
    throw new EntityNotFoundError(missing.mapper.schema.name, missing.key.row);
  }
  const operations = rowOperations(record, planned);
  // Without writes, a single row needs no check. Several rows were read at different moments.
  const recorded = record.increments.size + record.collections.size + record.events.length;
  const isReading = planned.size + recorded === 0;
  if (isReading && record.queries.length === 0 && operations.length < 2) return true;
  checkSize(operations, record.events);
  // A commit without writes has nothing to make durable.
  const durability = isReading ? undefined : options.durability;
  const { queries, events } = record;
  const step = isReading ? undefined : moved;
  const outbox = events.length > 0 ? outboxOf(tag, schemas.inPartition(tag), events) : undefined;
  const outcome = await committer.tryCommit(
    operations,
    { ...options, durability },
    { queries, outbox, step },
  );
  if (outcome.fault) {
    if (outcome.fault === 'QUERY' || isConflict(outcome, record.reads.get(outcome.operation.key.row)))
      return false;
    throw faultError(outcome);
  }
  step?.onTaken?.();
  for (const [i, { key }] of operations.entries()) planned.get(key.row)?.done(outcome.versions[i] ?? 0);
  for (const { operation, event, entity } of planned.values())
    await operation.schema.hooks.run(`after ${event}`, entity);
  if (outcome.unconfirmed) throw outcome.unconfirmed; // the writes were applied nevertheless
  return true;
}

/**
 * @throws InvalidArgumentError where the function has changed an entity and not noted it to be written. What hooks
 * change after a load waits for the next save.
 */
function checkUnchanged({ mapper, row }: TransactionRead): void {
  if (!row || mapper.schema.hooks.has('after load')) return;
  const { set, removed } = mapper.changes(row.entity, row.snapshot);
  const isExpiryDirty =
    mapper.schema.expiresAt !== undefined && mapper.expiryOf(row.entity) !== row.expiresAt;
  if (set.length + removed.length === 0 && !isExpiryDirty) return;
  throw new InvalidArgumentError(
    'entity',
    `The row of ${mapper.schema.name} was changed in the transaction and not saved: call tx.save() with it, or leave it ` +
      'as it was read',
  );
}

/** Returns whether a row, or the result of a query, has changed since it was read. */
export async function haveReadsChanged(
  { committer }: Pick<TransactionContext, 'committer'>,
  { reads, queries }: Pick<TransactionRecord, 'reads' | 'queries'>,
): Promise<boolean> {
  const operations = [...reads.values()].map(readOperation);
  return (await committer.tryCommit(operations, {}, { queries })).fault !== undefined;
}

/** Finds a row that did not exist when it was read, although its counters or collections are written. */
function touchedButMissing(
  { reads, increments, collections }: TransactionRecord,
  planned: ReadonlyMap<string, PlannedWrite>,
): TransactionRead | undefined {
  const touched = [...increments.keys(), ...collections.keys()].filter((row) => !planned.has(row));
  return touched.map((row) => reads.get(row)).find((read) => read?.row === null);
}

/** Returns one operation per row, with its writes and the checks of its reads. */
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

/**
 * Returns the check that a row is unchanged. The version does not cover counters and the expiry, so it compares them.
 */
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

/** Returns the operation that writes only counters and collections. */
function touchOperation(
  { mapper, key }: TransactionIncrement | TransactionCollections,
  expected: number | undefined,
): RowOperation {
  return { schema: mapper.schema, key, mode: 'touch', expected };
}

/** Returns whether a fault means that a row has changed since the transaction read it. */
function isConflict({ fault, detail }: CommitFault, read: TransactionRead | undefined): boolean {
  if (!read || !CONFLICTS.has(fault)) return false;
  const now = detail === '' ? undefined : Number(detail);
  if (now !== read.row?.version) return true;
  // The row has the version that was read: either its counters or expiry have changed, or the write is invalid.
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
