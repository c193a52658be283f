import { KEY_SUFFIXES } from '../keys/stored-names.js';
import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { SLOT_COUNT, keySlot } from '../../cluster/topology/key-slot.js';
import { onPrimaries } from '../common/entity-client.js';
import type { MaintenanceContext } from './maintenance-context.js';
import { entityKeyIn } from '../keys/entity-key.js';
import type { EntitySchema } from '../schema/entity-schema.js';
import { GlobalAuditor } from './global-auditor.js';
import {
  type AuditMode,
  IndexAuditor,
  type IndexIssue,
  type KeyedIssue,
  isWrongType,
} from './index-auditor.js';
import type { Building } from '../records/schema-record.js';
import type { KeyOf, PartitionKeyOf } from '../decorators/shape.js';
import { SLOT_STEP, type SlotRows, rowsBySlot } from '../keys/slot-walker.js';
import { ahead } from '../common/ahead.js';

/** Options of `verifyIndexes`. */
export type MaintenanceOptions<E = object> = PartitionMaintenance<PartitionKeyOf<E>>;

/** Options of `reindex`. */
export type ReindexOptions<E = object> = PartitionReindex<PartitionKeyOf<E>>;

// Typed by the key alone, so that the repository of a subclass is assignable to that of its parent.
interface PartitionMaintenance<Key> {
  /** Only this partition; by default all partitions of the cluster. */
  partition?: Key | undefined;
  /** Ends the run early, with the signal's reason. */
  signal?: AbortSignal | undefined;
}

interface PartitionReindex<Key> extends PartitionMaintenance<Key> {
  /** Resumes an earlier run: the cursor of its last progress. */
  cursor?: string | undefined;
}

/** The progress of `reindex`. */
export type ReindexProgress<E = object> = KeyedProgress<KeyOf<E>>;

interface KeyedProgress<Key> {
  /** Pass it to the next run if this one is interrupted. */
  readonly cursor: string;
  /** From 0 to 1. */
  readonly done: number;
  /** How many rows this run has checked. */
  readonly rows: number;
  /** How many entries this run has repaired. */
  readonly repaired: number;
  /** The issues since the last progress that could not be repaired: `duplicate` and `unreadable`. */
  readonly unresolved: readonly KeyedIssue<Key>[];
}

/** How many partitions are audited concurrently; ends of slots count as well. */
const BEGUN = 32;
/** How many unresolved issues cause an additional progress. */
const MOST_UNRESOLVED = 1_024;

/** Yields the faults of indexes and unique constraints, of partitions and global ones. */
export async function* verifyIndexes(
  context: MaintenanceContext,
  schema: EntitySchema,
  tag: string | undefined,
  signal?: AbortSignal,
): AsyncGenerator<IndexIssue, void, undefined> {
  const audit = auditing(context, schema, 'verify');
  const first = tag === undefined ? 0 : keySlot(tag);
  const end = tag === undefined ? SLOT_COUNT : first + 1;
  for await (const { issues } of audits(rowsBySlot(context, schema, first, end), audit, tag, signal))
    if (issues) yield* issues;
}

/** Repairs indexes and unique constraints. At the end, those that were being built are ready. */
export async function* reindex(
  context: MaintenanceContext,
  schema: EntitySchema,
  tag: string | undefined,
  { cursor, signal }: Pick<ReindexOptions, 'cursor' | 'signal'>,
): AsyncGenerator<ReindexProgress, void, undefined> {
  const given = readCursor(tag === undefined ? cursor : undefined);
  const { building, spared } = await context.records.begin(schema);
  const audit = auditing(context, schema, 'repair', spared);
  const begin = tag === undefined ? given : { slot: keySlot(tag), isClean: false };
  // An index that was added after the beginning of this run is not complete at its end.
  const built = given.building ?? building;
  const end = tag === undefined ? SLOT_COUNT : begin.slot + 1;
  let { isClean } = begin;
  let rows = 0;
  let repaired = 0;
  let unresolved: IndexIssue[] = [];
  const found = rowsBySlot(context, schema, begin.slot, end);
  for await (const { slot, count, issues } of audits(found, audit, tag, signal)) {
    if (issues) {
      for await (const issue of issues)
        if (UNRESOLVED.has(issue.fault)) unresolved.push(issue);
        else repaired++;
      rows += count;
      continue;
    }
    isClean &&= unresolved.length === 0;
    const next = slot + 1;
    if (next !== end && next % SLOT_STEP !== 0 && unresolved.length < MOST_UNRESOLVED) continue;
    if (next === SLOT_COUNT && isClean) await context.records.markReady(schema, built);
    const done = tag === undefined ? next / SLOT_COUNT : 1;
    yield { cursor: cursorAt(next, isClean, built), done, rows, repaired, unresolved };
    unresolved = [];
  }
}

type Audit = (tag: string, ids: readonly string[]) => AsyncGenerator<IndexIssue>;

/** The audit of one partition and the number of its rows; without `issues`, the end of a slot. */
interface PartitionAudit {
  readonly slot: number;
  readonly count: number;
  readonly issues?: AsyncGenerator<IndexIssue>;
}

/** Yields audits in slot order. Several run concurrently, each up to its first issue. */
async function* audits(
  slots: AsyncGenerator<readonly [slot: number, rows: SlotRows]>,
  audit: Audit,
  tag: string | undefined,
  signal: AbortSignal | undefined,
): AsyncGenerator<PartitionAudit> {
  const begun = new Map<PartitionAudit, AsyncGenerator<IndexIssue>>();
  const begin = async function* (): AsyncGenerator<PartitionAudit> {
    for await (const [slot, rows] of slots) {
      for (const [partition, ids] of rows) {
        if (tag !== undefined && partition !== tag) continue;
        const issues = audit(partition, ids);
        const one = { slot, count: ids.length, issues: ahead(issues) };
        begun.set(one, issues);
        yield one;
      }
      yield { slot, count: 0 };
    }
  };
  try {
    for await (const one of ahead(begin(), BEGUN)) {
      signal?.throwIfAborted();
      yield one;
      begun.delete(one);
    }
  } finally {
    // stops all audits when the walk ends
    await Promise.allSettled([...begun.values()].map((issues) => issues.return(undefined)));
  }
}

/** Returns the function that finds the faults of a partition's rows. */
function auditing(
  context: MaintenanceContext,
  schema: EntitySchema,
  mode: AuditMode,
  spared?: ReadonlySet<string>,
): Audit {
  const primaries = onPrimaries(context);
  const here = new IndexAuditor(primaries, schema, mode, spared);
  const everywhere = new GlobalAuditor(primaries, schema, mode);
  return async function* (tag, ids) {
    // a row that is its own partition has no list of rows and no index
    try {
      if (schema.partitionKey) yield* here.audit(tag, ids);
      yield* everywhere.audit(tag, ids);
    } catch (error) {
      if (!isWrongType(error)) throw error;
      // The rest of this partition cannot be read; the walk continues with the next one.
      yield { fault: 'unreadable', index: KEY_SUFFIXES.index, key: partitionOf(schema, tag) as never };
    }
  };
}

/** Returns the key of a partition, for an issue without a row. */
function partitionOf(schema: EntitySchema, tag: string): object {
  const { primaryKey, partitionKey = primaryKey, partitionName } = schema;
  const text = tag.slice(partitionName.length + 2, -1);
  const { id, partition = id } = entityKeyIn(schema, tag, text);
  return { [partitionKey.property]: partition };
}

const UNRESOLVED: ReadonlySet<IndexIssue['fault']> = new Set<IndexIssue['fault']>([
  'duplicate',
  'unreadable',
]);

/** The state of a run: the next slot, whether everything before it was repaired, and the indexes being built. */
interface RunState {
  readonly slot: number;
  readonly isClean: boolean;
  /** Absent in a new run. */
  readonly building?: Building;
}

const cursorAt = (slot: number, isClean: boolean, building: Building): string =>
  `${slot}${isClean ? '' : '!'}~${[...building].map((pair) => pair.join(':')).join(',')}`;

function readCursor(cursor: unknown): RunState {
  if (cursor === undefined) return { slot: 0, isClean: true };
  const [, slot, mark, names] = /^(\d{1,5})(!?)~((?:[\w.-]+:\w+,?)*)$/.exec(String(cursor)) ?? [];
  if (slot === undefined || Number(slot) > SLOT_COUNT)
    throw new InvalidArgumentError('cursor', 'The cursor is not one that reindex() returned');
  const pairs = names.split(',').filter((pair) => pair !== '');
  const building = new Map(pairs.map((pair) => pair.split(':', 2) as [string, string]));
  return { slot: Number(slot), isClean: mark === '', building };
}
