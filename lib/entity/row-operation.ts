import { type EntityKey, indexKey, uniqueKey } from './entity-key.js';
import type { EntitySchema } from './entity-schema.js';
import type { IndexChanges } from './index-changes.js';
import type { Stored } from './row-mapper.js';

/** What an operation does to its row, and what it demands of it. */
export type WriteMode = 'insert' | 'update' | 'upsert' | 'delete' | 'check' | 'absent';

/** One row's part in a commit. */
export interface RowOperation {
  readonly schema: EntitySchema;
  readonly key: EntityKey;
  readonly mode: WriteMode;
  /** The version the row must be at; any if undefined. */
  readonly expected?: number;
  /** Pairs of field and value. Where there are any, or fields to remove, the version goes up. */
  readonly set?: readonly Stored[];
  readonly removed?: readonly string[];
  /** Counters and what is added to each. */
  readonly increments?: ReadonlyMap<string, bigint>;
  /** Fields that must hold just this; empty for absent. */
  readonly guards?: readonly (readonly [field: string, value: string])[];
  /** Absent where neither an index nor the list of the partition's rows is touched. */
  readonly indexing?: IndexChanges;
}

/** What a script is called with. */
export interface ScriptInput {
  readonly keys: string[];
  readonly args: Stored[];
}

const LETTERS: Record<WriteMode, string> = {
  insert: 'I',
  update: 'U',
  upsert: 'W',
  delete: 'D',
  check: 'C',
  absent: 'A',
};

const HEADER = ['~v', '', '~op', '']; // filled in by the scripts
const NOTHING: readonly never[] = [];

const expectedText = ({ expected }: RowOperation): string => (expected === undefined ? '' : String(expected));

/** Whether the row itself is written, so that its version goes up. */
function writesRow({ mode, set = NOTHING, removed = NOTHING }: RowOperation): boolean {
  return mode === 'insert' || mode === 'upsert' || (mode === 'update' && set.length + removed.length > 0);
}

/** Whether the row script can run the operation: one row, no index, no counter. */
export function isSingleRow({ mode, increments, guards, indexing }: RowOperation): boolean {
  return mode !== 'absent' && !increments && !guards && !indexing;
}

/** The arguments of the row script. */
export function rowScriptArguments(operation: RowOperation, token: string): ScriptInput {
  const { key, mode, removed = NOTHING, set = NOTHING } = operation;
  const letter = writesRow(operation) || mode === 'delete' ? LETTERS[mode] : LETTERS.check;
  const args = [
    token,
    letter,
    expectedText(operation),
    '',
    String(removed.length),
    ...removed,
    ...set,
    ...HEADER,
  ];
  return { keys: [key.row], args };
}

/** The keys and arguments of the commit script. */
export function commitScriptArguments(operations: readonly RowOperation[], token: string): ScriptInput {
  const places = new Map<string, string>(); // of keys in KEYS
  const place = (key: string): string => {
    if (!places.has(key)) places.set(key, String(places.size + 1));
    return places.get(key)!;
  };
  const args: Stored[] = [token, String(operations.length)];
  for (const operation of operations) {
    const { key, mode, set = NOTHING, removed = NOTHING, increments, guards = NOTHING } = operation;
    args.push(place(key.row), LETTERS[mode], expectedText(operation), '');
    const pairs = writesRow(operation) ? [...set, ...HEADER] : NOTHING;
    args.push(String(pairs.length / 2), ...pairs);
    args.push(String(removed.length), ...removed);
    args.push(String(increments?.size ?? 0));
    for (const [counter, by] of increments ?? NOTHING) args.push(counter, String(by));
    args.push(String(guards.length), ...guards.flat());
    args.push(...indexArguments(operation, place));
  }
  return { keys: [...places.keys()], args };
}

function indexArguments({ schema, key, indexing }: RowOperation, place: (key: string) => string): string[] {
  if (!indexing) return ['0', '0'];
  const { fields, indexes } = indexing;
  const args = [place(indexKey(schema, key.tag))];
  args.push(indexes.some(({ kind }) => kind === 'unique') ? place(uniqueKey(schema, key.tag)) : '0');
  args.push(key.idText, String(fields.length));
  for (const { property, how, encoding } of fields) args.push(property, how, encoding);
  args.push(String(indexes.length));
  for (const index of indexes) {
    const parts = index.fields.map(
      (part) => fields.findIndex(({ property }) => property === part.property) + 1,
    );
    args.push(index.kind === 'unique' ? 'u' : 'x', index.name, String(parts.length), ...parts.map(String));
  }
  return args;
}

/** Bytes of values that an operation writes. */
export function bytesIn({ set = NOTHING }: RowOperation): number {
  let bytes = 0;
  for (const value of set) bytes += Buffer.byteLength(value);
  return bytes;
}
