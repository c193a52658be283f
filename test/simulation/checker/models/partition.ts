import type { Plain } from '../history.js';
import type { Model } from '../model.js';
import {
  type Commit,
  commitOf,
  type PartitionState,
  type QueryRead,
  type Refusal,
  type RowRead,
  type RowWrite,
  type StoredRow,
} from '../partition-commit.js';
import { fulfils } from './conditions.js';
import { canHold, isReading, seenBy, type PartitionSeen } from './partition-future.js';

/** What a commit does to a partition, and what in it differs from what its caller was told, one line each. */
export interface Execution {
  readonly after: PartitionState;
  readonly differences: readonly string[];
}

/**
 * The rows of a partition. A commit is executed at one moment: all that its caller has read is so at that moment, and
 * all that it writes is there from then on. The output is whether the caller was told what is so.
 */
export const PARTITION: Model = {
  initial: {},
  apply(state, input): readonly [Plain, Plain] {
    const { after, differences } = execute(state as PartitionState, commitOf({ input }));
    return [after, differences.length === 0];
  },
  isRead: (input) => isReading(commitOf({ input })),
  seenBy: (input) => seenBy(commitOf({ input })) as unknown as Plain | undefined,
  canBecome: (states, seen, open) =>
    canHold(states as unknown as readonly PartitionState[], seen as unknown as PartitionSeen, open),
};

/** Executes a commit. Nothing is written if something differs, or the commit is refused. */
export function execute(state: PartitionState, commit: Commit): Execution {
  const learned = commit.reads.reduce(learn, state);
  const readings = [
    ...commit.reads.flatMap((read) => differenceOf(read, state)),
    ...commit.queries.flatMap((query) => differencesOf(query, state)),
  ];
  const refusals: [Refusal, string][] = readings.map((text) => ['conflict', text]);
  const rows = new Map(Object.entries(learned));
  const untrue = commit.writes.flatMap((write) => apply(write, rows, refusals));
  for (const property of commit.unique) refusals.push(...doublesOf(property, [...rows]));
  if (commit.refusal !== undefined) {
    const isTrue =
      refusals.some(([refusal]) => refusal === commit.refusal) ||
      (commit.refusal === 'conflict' && commit.reads.some(({ row }) => isVersionUnknown(state, row)));
    return {
      after: state,
      differences: isTrue ? [] : [`nothing is a reason for the refusal "${commit.refusal}"`],
    };
  }
  const differences = [...refusals.map(([, text]) => text), ...untrue];
  return differences.length > 0 ? { after: state, differences } : { after: sortedState(rows), differences };
}

const isVersionUnknown = (state: PartitionState, row: string): boolean =>
  Object.hasOwn(state, row) && state[row].version === null;

/** Whoever reads a row learns its version. */
const learn = (state: PartitionState, { row, found }: RowRead): PartitionState =>
  found !== null && isVersionUnknown(state, row)
    ? { ...state, [row]: { ...state[row], version: found.version } }
    : state;

function differenceOf({ row, found }: RowRead, state: PartitionState): string[] {
  const stored = state[row] as StoredRow | undefined;
  if (stored === undefined) return found === null ? [] : [`${row} does not exist`];
  if (found === null) return [`${row} exists`];
  const { version = null, values } = found;
  if (stored.version !== null && stored.version !== version)
    return [`${row} has version ${stored.version}, not ${version}`];
  return Object.entries(values ?? {})
    .filter(([property, value]) => (stored.values[property] ?? null) !== value)
    .map(([property, value]) => `${row} has ${property} ${stored.values[property] ?? null}, not ${value}`);
}

/** Compares what a query should find with what it found. */
function differencesOf({ where, found }: QueryRead, state: PartitionState): string[] {
  const due = Object.keys(state).filter((row) => where.every((condition) => fulfils(state[row], condition)));
  const text = where.map((condition) => condition.join(' ')).join(' and ');
  return [
    ...due.filter((row) => !found.includes(row)).map((row) => `the query "${text}" did not find ${row}`),
    ...found.filter((row) => !due.includes(row)).map((row) => `the query "${text}" found ${row}`),
    ...found
      .filter((row, place) => found.indexOf(row) < place)
      .map((row) => `the query "${text}" found ${row} twice`),
  ];
}

/** Applies a write. Returns what its caller learned and is not so. */
function apply(write: RowWrite, rows: Map<string, StoredRow>, refusals: [Refusal, string][]): string[] {
  const { row, kind } = write;
  const stored = rows.get(row);
  if (kind === 'remove') {
    rows.delete(row);
    const existed = stored !== undefined;
    return write.existed === undefined || write.existed === existed
      ? []
      : [`${row} ${existed ? 'exists' : 'does not exist'}`];
  }
  if (kind === 'insert') {
    if (stored !== undefined) refusals.push(['exists', `${row} exists already`]);
    rows.set(row, { version: write.version ?? null, values: write.values });
    return [];
  }
  if (stored === undefined) {
    refusals.push(['missing', `${row} does not exist`]);
    return [];
  }
  if (kind === 'add') {
    const sum = Number(stored.values[write.property] ?? 0) + write.by;
    rows.set(row, { ...stored, values: { ...stored.values, [write.property]: sum } });
    return write.sum === undefined || write.sum === sum
      ? []
      : [`${write.property} of ${row} becomes ${sum}, not ${write.sum}`];
  }
  const next = stored.version === null ? null : stored.version + 1;
  rows.set(row, { version: next ?? write.version ?? null, values: { ...stored.values, ...write.values } });
  if (next === null || write.version === undefined || write.version === next) return [];
  return [`${row} gets version ${next}, not ${write.version}`];
}

function doublesOf(property: string, rows: readonly [string, StoredRow][]): [Refusal, string][] {
  const holders = new Map<string | number, string>();
  const doubles: [Refusal, string][] = [];
  for (const [row, { values }] of rows) {
    const value = values[property] ?? null;
    if (value === null) continue;
    const holder = holders.get(value);
    if (holder !== undefined) doubles.push(['taken', `${holder} and ${row} both have ${property} ${value}`]);
    holders.set(value, row);
  }
  return doubles;
}

/** Equal states have equal texts. */
const sortedState = (rows: ReadonlyMap<string, StoredRow>): PartitionState =>
  Object.fromEntries([...rows].toSorted(([a], [b]) => (a < b ? -1 : 1)));
