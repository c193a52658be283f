import type { LossWindow, Operation, Plain } from './history.js';

/** The values of a row by their properties. */
export type Values = { readonly [property: string]: string | number | null };

/** A row as it is stored. Its version is `null` while nobody has learned it. */
export type StoredRow = { readonly version: number | null; readonly values: Values };

/** The rows of a partition, by their keys. */
export type PartitionState = { readonly [row: string]: StoredRow };

/**
 * A row that was read, or its absence. A write that only compares the version has no values: counters may differ from
 * what was read.
 */
export type RowRead = {
  readonly row: string;
  readonly found: { readonly version: number; readonly values?: Values } | null;
};

/** What a query asks of a property. */
export type Condition = readonly [
  property: string,
  comparison: 'is' | 'atLeast' | 'below',
  value: string | number,
];

/** A query, and the keys of the rows that it found, in any order. What they held is among the rows that were read. */
export type QueryRead = { readonly where: readonly Condition[]; readonly found: readonly string[] };

/** What is written to a row, and what the caller learned from it. */
export type RowWrite =
  | { readonly row: string; readonly kind: 'insert'; readonly values: Values; readonly version?: number }
  /** Replaces some values: those that differ from what was read. */
  | { readonly row: string; readonly kind: 'patch'; readonly values: Values; readonly version?: number }
  | { readonly row: string; readonly kind: 'remove'; readonly existed?: boolean }
  | {
      readonly row: string;
      readonly kind: 'add';
      readonly property: string;
      readonly by: number;
      readonly sum?: number;
    };

/** Why a commit is refused. */
export type Refusal = 'conflict' | 'exists' | 'missing' | 'taken';

/** A transaction, or a write of one row: what it read, what it writes, and the refusal that its caller was told. */
export type Commit = {
  readonly reads: readonly RowRead[];
  readonly queries: readonly QueryRead[];
  readonly writes: readonly RowWrite[];
  /** Properties whose values are unique in the partition. */
  readonly unique: readonly string[];
  readonly refusal?: Refusal;
};

/** Returns the operation that a commit is in a history. The partition is its key. */
export const commitOperation = (
  call: Pick<Operation, 'id' | 'key' | 'calledAt'>,
  commit: Commit,
  /** When its outcome was known; absent if it never was. */
  knownAt?: number,
): Operation => ({
  ...call,
  input: ['commit', commit],
  returnedAt: knownAt ?? Infinity,
  output: knownAt === undefined ? undefined : true,
});

/** Returns the commit that an operation is. */
export const commitOf = ({ input }: Pick<Operation, 'input'>): Commit => input[1] as unknown as Commit;

/**
 * Forgets what may be wrong while the servers may lose writes:
 *
 * - the versions of inserted rows: an insert that is sent again can be executed by the old primary and by the new one. Each
 *   gives the row a version, and the caller learns one.
 * - the values of rows that were read for a commit: both primaries count versions up, so that a row of the new one may have
 *   the version of another that the old one has written since. A commit compares versions, and is executed.
 */
export function withoutUncertainParts(operation: Operation, losses: readonly LossWindow[]): Operation {
  const { key, calledAt, returnedAt } = operation;
  if (!losses.some((loss) => loss.key === key && calledAt < loss.to && returnedAt > loss.from))
    return operation;
  const commit = commitOf(operation);
  const writes = commit.writes.map((write): RowWrite =>
    write.kind === 'insert' ? { ...write, version: undefined } : write,
  );
  const reads = isReadAtOnce(commit) ? commit.reads : commit.reads.map(withoutValues);
  return { ...operation, input: [operation.input[0], { ...commit, reads, writes } as unknown as Plain] };
}

/** Whether what a commit has read is that of one moment: one row that was read, or one that refused it. */
const isReadAtOnce = ({ reads, queries, writes, refusal }: Commit): boolean =>
  refusal !== undefined || (reads.length === 1 && queries.length + writes.length === 0);

const withoutValues = ({ row, found }: RowRead): RowRead => ({
  row,
  found: found && { version: found.version },
});
