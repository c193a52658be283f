import type { LossWindow, Operation } from './checker/history.js';
import { checkHistory } from './checker/linearizability.js';
import { PARTITION } from './checker/models/partition.js';
import {
  commitOperation,
  type Commit,
  type QueryRead,
  type RowRead,
  type RowWrite,
  type Values,
  withoutUncertainParts,
} from './checker/partition-commit.js';
import { checkTransactions, contradictionsIn } from './checker/serializability.js';

/** A commit of a test: when it was called and had ended (absent if its outcome is unknown), and what it did. */
type Call = readonly [calledAt: number, endedAt: number | undefined, commit: Partial<Commit>];

const UNKNOWN = undefined;

const operations = (calls: readonly Call[]): Operation[] =>
  calls.map(([calledAt, endedAt, commit], id) =>
    commitOperation(
      { id, key: 'p', calledAt },
      { reads: [], queries: [], writes: [], unique: ['badge'], ...commit },
      endedAt,
    ),
  );

const verdictOn = (calls: readonly Call[], losses: readonly LossWindow[] = []) =>
  checkTransactions({ operations: operations(calls), losses });

/** The outcome while servers may lose writes, without what may be uncertain in some windows. */
const outcomeOf = (
  calls: readonly Call[],
  losses: readonly LossWindow[],
  uncertain: readonly LossWindow[],
): string => {
  const given = operations(calls).map((one) => withoutUncertainParts(one, uncertain));
  return checkTransactions({ operations: given, losses }).outcome;
};

const saw = (row: string, version: number, values: Values): RowRead => ({ row, found: { version, values } });
const absent = (row: string): RowRead => ({ row, found: null });
const inserts = (row: string, version: number | undefined, values: Values): RowWrite => ({
  row,
  kind: 'insert',
  values,
  version,
});
const patches = (row: string, version: number | undefined, values: Values): RowWrite => ({
  row,
  kind: 'patch',
  values,
  version,
});
const adds = (row: string, by: number, sum?: number): RowWrite => ({
  row,
  kind: 'add',
  property: 'visits',
  by,
  sum,
});
const removes = (row: string, existed?: boolean): RowWrite => ({ row, kind: 'remove', existed });
const held = (...found: readonly string[]): QueryRead => ({ where: [['state', 'is', 'held']], found });

/** Two rows, x and y, of version 1. */
const TWO_ROWS: readonly Call[] = [
  [0, 1, { writes: [inserts('x', 1, { n: 0 }), inserts('y', 1, { n: 0 })] }],
];
const X = saw('x', 1, { n: 0 });
const Y = saw('y', 1, { n: 0 });

const EXPLAINED: readonly (readonly [name: string, calls: readonly Call[]])[] = [
  [
    'transactions one after the other',
    [
      ...TWO_ROWS,
      [2, 3, { reads: [X, Y], writes: [patches('x', 2, { n: 1 })] }],
      [4, 5, { reads: [saw('x', 2, { n: 1 }), Y], writes: [patches('y', 2, { n: 1 })] }],
    ],
  ],
  [
    'concurrent transactions that can only have run in the other order',
    [
      ...TWO_ROWS,
      [2, 9, { reads: [saw('x', 2, { n: 7 })], writes: [patches('x', 3, { n: 8 })] }],
      [3, 8, { reads: [X], writes: [patches('x', 2, { n: 7 })] }],
    ],
  ],
  [
    'two transactions that read the same rows, of which one was refused',
    [
      ...TWO_ROWS,
      [2, 9, { reads: [X, Y], writes: [patches('x', 2, { n: 1 })] }],
      [2, 9, { reads: [X, Y], writes: [patches('y', 2, { n: 1 })], refusal: 'conflict' }],
    ],
  ],
  [
    'a reader that sees all of a transaction, and one that sees nothing of it',
    [
      ...TWO_ROWS,
      [2, 9, { writes: [patches('x', 2, { n: 1 }), patches('y', 2, { n: 1 })] }],
      [3, 4, { reads: [X, Y] }],
      [5, 6, { reads: [saw('x', 2, { n: 1 }), saw('y', 2, { n: 1 })] }],
    ],
  ],
  [
    'a transaction with an unknown outcome that is seen',
    [
      ...TWO_ROWS,
      [2, UNKNOWN, { reads: [X], writes: [patches('x', undefined, { n: 1 })] }],
      [5, 6, { reads: [saw('x', 2, { n: 1 })] }],
    ],
  ],
  [
    'a transaction with an unknown outcome that is never seen',
    [
      ...TWO_ROWS,
      [2, UNKNOWN, { reads: [X], writes: [patches('x', undefined, { n: 1 })] }],
      [5, 6, { reads: [X] }],
    ],
  ],
  [
    'an inserted row whose version is learned later',
    [
      [0, UNKNOWN, { writes: [inserts('x', undefined, { n: 1 })] }],
      [2, 3, { reads: [saw('x', 40, { n: 1 })] }],
      [4, 5, { reads: [{ row: 'x', found: { version: 40 } }], writes: [patches('x', 41, { n: 2 })] }],
    ],
  ],
  [
    'a save that was refused because the row was deleted and inserted again, with an unknown outcome',
    [
      ...TWO_ROWS,
      [2, 3, { writes: [removes('x', true)] }],
      [4, UNKNOWN, { writes: [inserts('x', undefined, { n: 5 })] }],
      [
        5,
        6,
        {
          reads: [{ row: 'x', found: { version: 1 } }],
          writes: [patches('x', undefined, { n: 2 })],
          refusal: 'conflict',
        },
      ],
    ],
  ],
  [
    'a query and an insert after it',
    [
      [0, 1, { queries: [held()], writes: [inserts('x', 1, { state: 'held' })] }],
      [2, 3, { queries: [held('x')], writes: [inserts('y', 1, { state: 'held' })] }],
      [4, 5, { queries: [held('y', 'x')] }],
    ],
  ],
  [
    'a range that a row leaves',
    [
      [0, 1, { writes: [inserts('x', 1, { rank: 5 })] }],
      [
        2,
        3,
        {
          queries: [
            {
              where: [
                ['rank', 'atLeast', 5],
                ['rank', 'below', 9],
              ],
              found: ['x'],
            },
          ],
          writes: [patches('x', 2, { rank: 9 })],
        },
      ],
      [
        4,
        5,
        {
          queries: [
            {
              where: [
                ['rank', 'atLeast', 5],
                ['rank', 'below', 9],
              ],
              found: [],
            },
          ],
        },
      ],
    ],
  ],
  [
    'an absent row that is inserted, removed and inserted again',
    [
      [0, 1, { reads: [absent('x')], writes: [inserts('x', 1, { n: 1 })] }],
      [2, 3, { reads: [saw('x', 1, { n: 1 })], writes: [removes('x', true)] }],
      [4, 5, { reads: [absent('x')], writes: [inserts('x', 9, { n: 2 })] }],
      [6, 7, { writes: [inserts('x', undefined, { n: 3 })], refusal: 'exists' }],
      [8, 9, { writes: [patches('y', undefined, { n: 3 })], refusal: 'missing' }],
    ],
  ],
  [
    'a unique value that is refused while it is held, and free afterwards',
    [
      [0, 1, { writes: [inserts('x', 1, { badge: 'b' })] }],
      [2, 3, { writes: [inserts('y', undefined, { badge: 'b' })], refusal: 'taken' }],
      [4, 5, { writes: [removes('x', true)] }],
      [6, 7, { writes: [inserts('y', 1, { badge: 'b' })] }],
    ],
  ],
  [
    'unique values that two rows exchange',
    [
      [0, 1, { writes: [inserts('x', 1, { badge: 'b' }), inserts('y', 1, { badge: 'c' })] }],
      [2, 3, { writes: [patches('x', 2, { badge: 'c' }), patches('y', 2, { badge: 'b' })] }],
    ],
  ],
  [
    'counters that do not change versions',
    [
      ...TWO_ROWS,
      [2, 9, { writes: [adds('x', 1, 3)] }],
      [2, 9, { writes: [adds('x', 2, 2)] }],
      [2, UNKNOWN, { writes: [adds('x', 5)] }],
      [10, 11, { reads: [{ row: 'x', found: { version: 1 } }], writes: [patches('x', 2, { n: 1 })] }],
      [12, 13, { reads: [saw('x', 2, { n: 1, visits: 8 })] }],
    ],
  ],
];

const UNEXPLAINED: readonly (readonly [name: string, calls: readonly Call[]])[] = [
  [
    'a lost update',
    [
      ...TWO_ROWS,
      [2, 9, { reads: [X], writes: [patches('x', 2, { n: 1 })] }],
      [2, 9, { reads: [X], writes: [patches('x', 2, { n: 2 })] }],
    ],
  ],
  [
    'a lost update of values whose versions were not told',
    [
      ...TWO_ROWS,
      [2, 9, { reads: [X], writes: [patches('x', undefined, { n: 1 })] }],
      [2, 9, { reads: [X], writes: [patches('x', undefined, { n: 2 })] }],
    ],
  ],
  [
    'write skew',
    [
      ...TWO_ROWS,
      [2, 9, { reads: [X, Y], writes: [patches('x', 2, { n: 1 })] }],
      [2, 9, { reads: [X, Y], writes: [patches('y', 2, { n: 1 })] }],
    ],
  ],
  [
    'a phantom: two transactions that each found a place free',
    [
      [0, 9, { queries: [held()], writes: [inserts('x', 1, { state: 'held' })] }],
      [0, 9, { queries: [held()], writes: [inserts('y', 1, { state: 'held' })] }],
    ],
  ],
  [
    'a query that misses a row',
    [
      [0, 1, { writes: [inserts('x', 1, { state: 'held' })] }],
      [2, 3, { queries: [held()] }],
    ],
  ],
  [
    'a query that finds a row which has left it',
    [
      [0, 1, { writes: [inserts('x', 1, { state: 'held' })] }],
      [2, 3, { writes: [patches('x', 2, { state: 'free' })] }],
      [4, 5, { queries: [held('x')] }],
    ],
  ],
  [
    'a query that finds a row twice',
    [
      [0, 1, { writes: [inserts('x', 1, { state: 'held' })] }],
      [2, 3, { queries: [held('x', 'x')] }],
    ],
  ],
  [
    // a commit that is known not to have been executed is not in the history
    'a read of what an aborted transaction wrote',
    [...TWO_ROWS, [2, 3, { reads: [saw('x', 2, { n: 66 })] }]],
  ],
  [
    'a read of a version that was never committed',
    [
      ...TWO_ROWS,
      [2, 3, { writes: [patches('x', 2, { n: 2 })] }],
      [2, 9, { reads: [saw('x', 2, { n: 1 })] }],
    ],
  ],
  ['a stale read', [...TWO_ROWS, [2, 3, { writes: [patches('x', 2, { n: 1 })] }], [4, 5, { reads: [X] }]]],
  [
    'a reader that sees half of a transaction',
    [
      ...TWO_ROWS,
      [2, 9, { writes: [patches('x', 2, { n: 1 }), patches('y', 2, { n: 1 })] }],
      [2, 9, { reads: [saw('x', 2, { n: 1 }), Y] }],
    ],
  ],
  [
    'two readers that see two transactions in different orders',
    [
      ...TWO_ROWS,
      [2, 9, { writes: [patches('x', 2, { n: 1 })] }],
      [2, 9, { writes: [patches('y', 2, { n: 1 })] }],
      [2, 9, { reads: [saw('x', 2, { n: 1 }), Y] }],
      [2, 9, { reads: [X, saw('y', 2, { n: 1 })] }],
    ],
  ],
  [
    'two transactions that read each other',
    [
      ...TWO_ROWS,
      [2, 9, { reads: [saw('y', 2, { n: 2 })], writes: [patches('x', 2, { n: 1 })] }],
      [2, 9, { reads: [saw('x', 2, { n: 1 })], writes: [patches('y', 2, { n: 2 })] }],
    ],
  ],
  [
    'a transaction with an unknown outcome that is seen in part',
    [
      ...TWO_ROWS,
      [2, UNKNOWN, { writes: [patches('x', undefined, { n: 1 }), patches('y', undefined, { n: 1 })] }],
      [5, 6, { reads: [saw('x', 2, { n: 1 }), Y] }],
    ],
  ],
  [
    'a transaction with an unknown outcome that is seen, then not',
    [
      ...TWO_ROWS,
      [2, UNKNOWN, { writes: [patches('x', undefined, { n: 1 })] }],
      [5, 6, { reads: [saw('x', 2, { n: 1 })] }],
      [7, 8, { reads: [X] }],
    ],
  ],
  [
    'a transaction with an unknown outcome that ran twice',
    [...TWO_ROWS, [2, UNKNOWN, { writes: [adds('x', 1)] }], [5, 6, { reads: [saw('x', 1, { visits: 2 })] }]],
  ],
  [
    'a transaction with an unknown outcome that ran although its reads had changed',
    [
      ...TWO_ROWS,
      [2, 3, { writes: [patches('x', 2, { n: 3 })] }],
      [4, UNKNOWN, { reads: [X], writes: [patches('y', undefined, { n: 9 })] }],
      [5, 6, { reads: [saw('y', 2, { n: 9 })] }],
    ],
  ],
  [
    'an absent read that another transaction had filled before',
    [
      [0, 9, { reads: [absent('x'), absent('y')], writes: [inserts('x', 1, { n: 1 })] }],
      [0, 9, { reads: [absent('x'), absent('y')], writes: [inserts('y', 1, { n: 1 })] }],
    ],
  ],
  ['an insert of a row that exists', [...TWO_ROWS, [2, 3, { writes: [inserts('x', 2, { n: 5 })] }]]],
  [
    'a refusal without a reason',
    [...TWO_ROWS, [2, 3, { reads: [X], writes: [patches('x', undefined, { n: 1 })], refusal: 'conflict' }]],
  ],
  [
    'a refused write that is seen',
    [
      ...TWO_ROWS,
      [2, 3, { writes: [patches('x', 2, { n: 3 })] }],
      [4, 5, { reads: [X], writes: [patches('x', undefined, { n: 9 })], refusal: 'conflict' }],
      [6, 7, { reads: [saw('x', 3, { n: 9 })] }],
    ],
  ],
  [
    'a unique value that two rows have',
    [
      [0, 9, { writes: [inserts('x', 1, { badge: 'b' })] }],
      [0, 9, { writes: [inserts('y', 1, { badge: 'b' })] }],
    ],
  ],
  [
    'a unique value that was refused although it was free',
    [[0, 1, { writes: [inserts('x', undefined, { badge: 'b' })], refusal: 'taken' }]],
  ],
  ['a version that skips one', [...TWO_ROWS, [2, 3, { writes: [patches('x', 3, { n: 1 })] }]]],
  ['an addition that ran twice', [...TWO_ROWS, [2, 3, { writes: [adds('x', 1, 2)] }]]],
  [
    'a delete that found nothing, of a row that exists',
    [...TWO_ROWS, [2, 3, { writes: [removes('x', false)] }]],
  ],
];

describe('the checker of transactions', () => {
  it.each(EXPLAINED)('explains %s', (_name, calls) => {
    expect(verdictOn(calls)).toEqual({ outcome: 'explained' });
  });

  it.each(UNEXPLAINED)('does not explain %s', (_name, calls) => {
    expect(verdictOn(calls).outcome).toBe('unexplained');
  });

  it('allows commits to be lost as a whole while servers may lose them, and at no other time', () => {
    const calls: Call[] = [
      ...TWO_ROWS,
      [2, 3, { writes: [patches('x', 2, { n: 1 }), patches('y', 2, { n: 1 })] }],
      [6, 7, { reads: [X, Y] }],
    ];
    expect(verdictOn(calls, [{ key: 'p', from: 1.5, to: 5 }]).outcome).toBe('explained');
    expect(verdictOn(calls, [{ key: 'p', from: 3.5, to: 5 }]).outcome).toBe('unexplained');
    const half: Call[] = [...calls.slice(0, 2), [6, 7, { reads: [X, saw('y', 2, { n: 1 })] }]];
    expect(verdictOn(half, [{ key: 'p', from: 1.5, to: 5 }]).outcome).toBe('unexplained');
  });

  it('allows an insert to be executed on an old primary and on the new one, while servers may lose writes', () => {
    const losses: LossWindow[] = [{ key: 'p', from: 3, to: 6 }];
    const calls: Call[] = [
      // the caller learned the version that the new primary gave, and the patch met the row of the old one
      [0, 4, { writes: [inserts('x', 40, { n: 0 })] }],
      [2, 5, { writes: [patches('x', 51, { n: 1 })] }],
      [7, 8, { reads: [saw('x', 40, { n: 0 })] }],
    ];
    const verdict = (windows: LossWindow[]): string => outcomeOf(calls, losses, windows);
    expect(verdict(losses)).toBe('explained');
    expect(verdict([{ ...losses[0], from: 4.5 }])).toBe('unexplained');
    expect(verdict([{ ...losses[0], key: 'q' }])).toBe('unexplained');
  });

  it('allows a commit to replace another row than it read, of the same version, while two primaries count versions up', () => {
    const losses: LossWindow[] = [{ key: 'p', from: 3, to: 12 }];
    const verdict = (windows: LossWindow[], last: RowRead, read = saw('x', 2, { n: 1 })): string => {
      const calls: Call[] = [
        [0, 1, { writes: [inserts('x', 1, { n: 0, note: 'a' })] }],
        // each primary executes one of these
        [4, 8, { reads: [{ row: 'x', found: { version: 1 } }], writes: [patches('x', 2, { n: 1 })] }],
        [4, 9, { reads: [{ row: 'x', found: { version: 1 } }], writes: [patches('x', 2, { n: 2 })] }],
        [10, 14, { reads: [read], writes: [patches('x', 3, { note: 'b' })] }],
        [15, 16, { reads: [last] }],
      ];
      return outcomeOf(calls, losses, windows);
    };
    const other = saw('x', 3, { n: 2, note: 'b' });
    expect(verdict(losses, other)).toBe('explained');
    expect(verdict([{ ...losses[0], to: 9.5 }], other)).toBe('unexplained');
    expect(verdict(losses, saw('x', 3, { n: 0, note: 'b' }))).toBe('unexplained');
    expect(verdict(losses, other, saw('x', 1, { n: 0 }))).toBe('unexplained');
  });

  it('requires that a row was read as it was at one moment, also while servers may lose writes', () => {
    const losses: LossWindow[] = [{ key: 'p', from: 3, to: 12 }];
    const calls: Call[] = [
      [0, 1, { writes: [inserts('x', 1, { n: 0 })] }],
      [4, 8, { writes: [patches('x', 2, { n: 1 })] }],
      [9, 10, { reads: [saw('x', 2, { n: 7 })] }],
    ];
    expect(outcomeOf(calls, losses, losses)).toBe('unexplained');
  });

  it('decides concurrent commits whose rows can only have come about in few orders, while servers may lose them', () => {
    const losses: LossWindow[] = [{ key: 'p', from: 3, to: 40 }];
    const outcome = (version: number, values: Values): string => {
      // each row is written twice from the same version, once by each primary
      const rows = ['a', 'b', 'c', 'd', 'e', 'f'];
      const calls: Call[] = [
        [0, 1, { writes: rows.map((row) => inserts(row, 1, { n: 0, m: 0 })) }],
        ...rows.map((row, i): Call => [
          4,
          50 + i,
          { reads: [{ row, found: { version: 1 } }], writes: [patches(row, 2, { n: 1 })] },
        ]),
        ...rows.map((row, i): Call => [
          5,
          60 + i,
          { reads: [{ row, found: { version: 1 } }], writes: [patches(row, 2, { m: 1 })] },
        ]),
        [6, 70, { reads: [saw('a', 2, { n: 1, m: 0 })], writes: [patches('a', 3, { m: 2 })] }],
        [80, 81, { reads: [saw('a', version, values)] }],
      ];
      return checkHistory({ operations: operations(calls), losses }, () => PARTITION, 2_000).outcome;
    };
    expect(outcome(3, { n: 1, m: 2 })).toBe('explained');
    // nothing that has read the other row of version 2 has written this
    expect(outcome(3, { n: 0, m: 2 })).toBe('unexplained');
  });

  it('names the calls that cannot come next, and why', () => {
    const verdict = verdictOn([
      ...TWO_ROWS,
      [2, 3, { reads: [X], writes: [patches('x', 2, { n: 1 })] }],
      [4, 5, { reads: [X], queries: [held('y')] }],
    ]);
    if (verdict.outcome !== 'unexplained') throw new Error(verdict.outcome);
    expect(verdict.longest).toEqual([0, 1]);
    expect(contradictionsIn(verdict)).toEqual([
      'call 2 of 4.0 ms: x has version 2, not 1; the query "state is held" found y',
    ]);
  });

  it('decides a thousand transactions of concurrent callers', () => {
    const calls = Array.from({ length: 1_000 }, (_, i): Call => [
      i,
      i + 6,
      {
        reads: i === 0 ? [absent('x')] : [saw('x', i, { n: i - 1 })],
        writes: [i === 0 ? inserts('x', 1, { n: 0 }) : patches('x', i + 1, { n: i })],
      },
    ]);
    expect(verdictOn(calls).outcome).toBe('explained');
    const twice: Call = [
      500,
      506,
      { reads: [saw('x', 500, { n: 499 })], writes: [patches('x', 501, { n: 7 })] },
    ];
    expect(verdictOn([...calls, twice]).outcome).toBe('unexplained');
  });
});
