import { describeOther } from '../../cluster/common/describe-value.js';
import { SLOT_COUNT } from '../../cluster/topology/key-slot.js';
import { InvalidArgumentError, ReplyError } from '../../cluster/common/errors.js';
import type { CommitFault } from '../operations/commit-faults.js';
import { faultError } from '../operations/commit-faults.js';
import type { Committed } from '../operations/commit-outcome.js';
import type { RowOperation } from '../operations/row-operation.js';
import { withEntries } from '../commit/row-entries.js';
import { checkFunction, checkWhole } from '../common/argument-checks.js';
import { onPrimaries } from '../common/entity-client.js';
import type { KeyOf } from '../decorators/shape.js';
import { type EntityKey, entityKeyIn, givenKey } from '../keys/entity-key.js';
import { rowsBySlot } from '../keys/slot-walker.js';
import type { Building } from '../records/schema-record.js';
import { migrationOf } from '../rows/row-changes.js';
import type { RowMapper } from '../rows/row-mapper.js';
import type { Fields } from '../rows/row-reader.js';
import type { MaintenanceContext } from './maintenance-context.js';

/** Options of `migrate`. */
export interface MigrateOptions<E = object> {
  /** How many rows are read and written at once: 100 by default, at most 1,000. */
  batch?: number | undefined;
  /** Receives the progress after each batch of slots, and at the end. The run waits for what it returns. */
  onProgress?: ((progress: MigrationProgress<E>) => unknown) | undefined;
  /** Resumes an earlier run: the cursor of its last progress. */
  cursor?: string | undefined;
  /** Ends the run early, with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** The progress of `migrate`. */
export interface MigrationProgress<E = object> {
  /** Pass it to the next run if this one is interrupted. */
  readonly cursor: string;
  /** From 0 to 1. */
  readonly done: number;
  /** How many rows this run has read. */
  readonly rows: number;
  /** How many rows this run has written. */
  readonly migrated: number;
  /** The rows of this run that could not be read or written, each with the reason. */
  readonly failed: readonly { readonly key: KeyOf<E>; readonly error: Error }[];
}

/** Writes rows that were planned. */
interface RowCommitter {
  tryCommitMany(operations: readonly RowOperation[]): Promise<(Committed | CommitFault | Error)[]>;
}

const BATCH = 100;
const LARGEST_BATCH = 1_000;
/** How often a row is read and written again while others write it. */
const ATTEMPTS = 20;

/** The state of a run: the next slot, whether all rows before it were written, and the moves to complete. */
interface RunState {
  readonly slot: number;
  readonly isClean: boolean;
  /** Absent in a new run. */
  readonly moves?: Building;
}

/** Writes the rows of a class under the names and in the types of its properties, with their defaults. */
export async function migrateRows<E extends object>(
  context: MaintenanceContext,
  committer: RowCommitter,
  mapper: RowMapper,
  { batch = BATCH, onProgress, cursor, signal }: MigrateOptions<E>,
): Promise<MigrationProgress<E>> {
  checkWhole('batch', batch, 1, LARGEST_BATCH);
  if (onProgress !== undefined) checkFunction('onProgress', onProgress);
  const begin = readCursor(cursor);
  signal?.throwIfAborted();
  const { schema } = mapper;
  const pending = await context.records.beginMigration(schema);
  // Rows behind the cursor may be stored as before again, if an older program has started since.
  const moves = begin.moves ?? pending;
  const failed: { key: KeyOf<E>; error: Error }[] = [];
  let [rows, migrated, told] = [0, 0, 0];
  const progressAt = (next: number): MigrationProgress<E> => ({
    cursor: cursorAt(next, begin.isClean && failed.length === 0, moves),
    done: next / SLOT_COUNT,
    rows,
    migrated,
    failed: [...failed],
  });
  const primaries = onPrimaries(context);
  for await (const [slot, found] of rowsBySlot(primaries, schema, begin.slot, SLOT_COUNT)) {
    const keys = [...found].flatMap(([tag, ids]) => ids.map((id) => entityKeyIn(schema, tag, id)));
    for (let from = 0; from < keys.length; from += batch) {
      signal?.throwIfAborted();
      const some = keys.slice(from, from + batch);
      const outcome = await migrateBatch(primaries, committer, mapper, some);
      rows += some.length;
      migrated += outcome.written;
      for (const [key, error] of outcome.errors)
        failed.push({ key: givenKey(schema, key) as KeyOf<E>, error });
    }
    if (slot + 1 === SLOT_COUNT || rows - told < batch) continue;
    told = rows;
    await onProgress?.(progressAt(slot + 1));
  }
  const end = progressAt(SLOT_COUNT);
  if (begin.isClean && failed.length === 0) await context.records.markReady(schema, moves);
  await onProgress?.(end);
  return end;
}

/** Reads and writes rows, again as often as others write them in between. */
async function migrateBatch(
  { client }: MaintenanceContext,
  committer: RowCommitter,
  mapper: RowMapper,
  keys: readonly EntityKey[],
): Promise<{ written: number; errors: Map<EntityKey, Error> }> {
  const errors = new Map<EntityKey, Error>();
  let written = 0;
  let left = keys;
  for (let attempt = 1; left.length > 0; attempt++) {
    const pipeline = client.pipeline();
    for (const { row } of left) pipeline.hgetallBuffer(row);
    const operations: RowOperation[] = [];
    for (const [i, [error, reply]] of ((await pipeline.exec()) ?? []).entries()) {
      if (error && !(error instanceof ReplyError)) throw error;
      try {
        if (error) throw error;
        const operation = migrationOperation(mapper, left[i], reply as Fields);
        if (operation) operations.push(operation);
      } catch (failure) {
        errors.set(left[i], failure as Error);
      }
    }
    const outcomes = await committer.tryCommitMany(operations);
    const again: EntityKey[] = [];
    for (const [i, outcome] of outcomes.entries()) {
      const { key } = operations[i];
      if (outcome instanceof Error) errors.set(key, outcome);
      else if (outcome.fault === undefined) written++;
      else if (outcome.fault === 'CONFLICT' && attempt < ATTEMPTS) again.push(key);
      else if (outcome.fault !== 'MISSING') errors.set(key, faultError(outcome));
    }
    left = again;
  }
  return { written, errors };
}

/** Returns what writes a row as its class stores it; undefined if it is so stored, missing or expired. */
function migrationOperation(mapper: RowMapper, key: EntityKey, fields: Fields): RowOperation | undefined {
  const values = mapper.loader.valuesOf(fields);
  const row = values && mapper.loader.load(key, values);
  const changes = row && migrationOf(mapper.schema, row.entity, row.snapshot);
  if (!changes) return undefined;
  const operation: RowOperation = {
    schema: mapper.schema,
    key,
    mode: 'update',
    expected: row.version,
    ...changes,
  };
  return withEntries(operation, row.entity);
}

const cursorAt = (slot: number, isClean: boolean, moves: Building): string =>
  `${slot}${isClean ? '' : '!'}~${[...moves].map((pair) => pair.join(':')).join(',')}`;

function readCursor(cursor: unknown): RunState {
  if (cursor === undefined) return { slot: 0, isClean: true };
  const [, slot, mark, names] = /^(\d{1,5})(!?)~((?:[^:,]+:\w+,?)*)$/.exec(String(cursor)) ?? [];
  if (slot === undefined || Number(slot) > SLOT_COUNT)
    throw new InvalidArgumentError(
      'cursor',
      `The cursor is not one that migrate() returned, got ${describeOther(cursor)}`,
    );
  const pairs = names.split(',').filter((pair) => pair !== '');
  const moves = new Map(pairs.map((pair) => pair.split(':', 2) as [string, string]));
  return { slot: Number(slot), isClean: mark === '', moves };
}
