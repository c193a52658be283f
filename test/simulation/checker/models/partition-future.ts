import type { OpenCall } from '../model.js';
import {
  type Commit,
  commitOf,
  type PartitionState,
  type QueryRead,
  type RowRead,
  type RowWrite,
  type StoredRow,
  type Values,
} from '../partition-commit.js';
import { fulfils } from './conditions.js';

/** What a commit must find when it is executed. */
export type PartitionSeen = Pick<Commit, 'reads' | 'queries'>;

type Found = NonNullable<RowRead['found']>;

/** A write that may still come, and what its commit has read of the row. */
interface OpenWrite {
  readonly write: RowWrite;
  /** Absent if it has not read the row, or not what this write replaces. */
  readonly read?: Found;
}

type OpenWrites = ReadonlyMap<string, readonly OpenWrite[]>;

/**
 * Whether a commit that is executed as its caller was told changes nothing, whatever the state is. It may learn the version
 * of a row, which only rules out what could follow before.
 */
export const isReading = ({ refusal, writes }: Commit): boolean =>
  refusal !== undefined || writes.every((write) => write.kind === 'remove' && write.existed === false);

/** Returns what a commit must find. One that was refused may have any reason. */
export const seenBy = ({ reads, queries, refusal }: Commit): PartitionSeen | undefined =>
  refusal !== undefined || reads.length + queries.length === 0 ? undefined : { reads, queries };

/**
 * Whether one of several states may be followed by one in which a commit finds what it has found. Each row is judged by
 * itself: it is so already, but for additions, or one of the commits that may come before is the last one to write it.
 */
export function canHold(
  states: readonly PartitionState[],
  { reads, queries }: PartitionSeen,
  open: readonly OpenCall[],
): boolean {
  const writes = writesOf(open, queries.length > 0 ? undefined : new Set(reads.map(({ row }) => row)));
  return states.some(
    (state) =>
      reads.every(({ row, found }) =>
        canBeFound(found, state[row] as StoredRow | undefined, writes.get(row) ?? []),
      ) && queries.every((query) => canFind(query, state, writes)),
  );
}

/** Returns the writes to some rows, or to all. */
function writesOf(open: readonly OpenCall[], rows: ReadonlySet<string> | undefined): OpenWrites {
  const writesTo = new Map<string, OpenWrite[]>();
  for (const call of open) {
    const { reads, writes, refusal } = commitOf(call);
    if (refusal !== undefined) continue;
    for (const write of writes) {
      const { row } = write;
      if (rows?.has(row) === false) continue;
      const isAlone = writes.every((other) => other === write || other.row !== row);
      const read = isAlone ? reads.find((one) => one.row === row)?.found : undefined;
      const known = writesTo.get(row);
      const one = { write, read: read ?? undefined };
      if (known === undefined) writesTo.set(row, [one]);
      else known.push(one);
    }
  }
  return writesTo;
}

function canBeFound(
  found: RowRead['found'],
  stored: StoredRow | undefined,
  open: readonly OpenWrite[],
): boolean {
  if (found === null)
    return (
      stored === undefined || open.some(({ write }) => write.kind === 'remove' && write.existed !== false)
    );
  const isThere =
    stored !== undefined && isVersion(stored.version, found) && canBeCounted(stored.values, found, open);
  return isThere || open.some((one) => canLeave(one, found, open));
}

/** Whether a write that may come can leave a row as it was found, but for additions. */
function canLeave({ write, read }: OpenWrite, found: Found, open: readonly OpenWrite[]): boolean {
  if (write.kind !== 'insert' && write.kind !== 'patch') return false;
  if (!isVersion(write.version, found)) return false;
  if (write.kind === 'insert') return canBeCounted(write.values, found, open);
  // a write of what was read gives the next version, and leaves the values that it does not write
  if (read !== undefined && read.version + 1 !== found.version) return false;
  const values = { ...read?.values, ...write.values };
  return canBeCounted(values, { ...found, values: only(found.values, values) }, open);
}

const isVersion = (version: number | null | undefined, found: Found): boolean =>
  (version ?? found.version) === found.version;

/** Whether the values of a row are those that were found, or numbers to which additions may come. */
const canBeCounted = (values: Values, found: Found, open: readonly OpenWrite[]): boolean =>
  Object.entries(found.values ?? {}).every(([property, value]) => {
    const own = values[property] ?? null;
    if (own === value) return true;
    const missing = Number(value) - Number(own ?? 0);
    return open.some(
      ({ write }) => write.kind === 'add' && write.property === property && write.by * missing > 0,
    );
  });

const only = (values: Values | undefined, known: Values): Values =>
  Object.fromEntries(Object.entries(values ?? {}).filter(([property]) => Object.hasOwn(known, property)));

/** Whether a query may find what it has found: a row that nothing writes before is found if it fulfils the conditions. */
function canFind({ where, found }: QueryRead, state: PartitionState, writes: OpenWrites): boolean {
  return [...new Set([...Object.keys(state), ...found])].every(
    (row) =>
      writes.has(row) ||
      found.includes(row) ===
        (Object.hasOwn(state, row) && where.every((condition) => fulfils(state[row], condition))),
  );
}
