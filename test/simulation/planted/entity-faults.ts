import type { PlantedFault } from './planted-faults.js';

type Row = readonly [name: string, file: string, passage: string, replacement: string, schedules: number];

const ROWS: readonly Row[] = [
  [
    'the commit does not check what queries found',
    'commit-scripts/commit-script',
    "if isChanged then return { 'QUERY' } end",
    '',
    100,
  ],
  [
    'the commit does not check the rows that were only read',
    'transactions/transaction-commit',
    '    expected: row.version,',
    '    expected: undefined,',
    100,
  ],
  [
    'the commit does not check counters that were read',
    'transactions/transaction-commit',
    'guards: checked?.guards,',
    '',
    400,
  ],
  [
    'a conflict is taken for success',
    'transactions/transaction-commit',
    'isConflict(outcome, record.reads.get(outcome.operation.key.row)))\n      return false;',
    'isConflict(outcome, record.reads.get(outcome.operation.key.row)))\n      return true;',
    50,
  ],
  [
    'a unique value may be taken by a second row in a transaction',
    'commit-scripts/commit-script',
    'if claimed[place] or owner and owner ~= o.id and not released[place] then',
    'if claimed[place] and not owner then',
    200,
  ],
  [
    'the token window is not asked about a commit that is sent again',
    'commit-scripts/commit-script',
    'local known = times and answerOf(times, answers, token)',
    'local known = nil',
    200,
  ],
  [
    'a save does not check the version that was loaded',
    'commit/write-planner',
    "      mode: 'update',\n      expected,\n      set,",
    "      mode: 'update',\n      expected: undefined,\n      set,",
    50,
  ],
];

/** Changes of the entity layer, each of which the simulation with entities must notice. */
export const ENTITY_FAULTS: readonly PlantedFault[] = ROWS.map(
  ([name, file, passage, replacement, schedules]) => ({
    name,
    file: `lib/entity/${file}.ts`,
    passage,
    replacement,
    schedules,
    callers: 'entities',
  }),
);
