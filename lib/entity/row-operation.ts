import {
  type CollectionCall,
  type CollectionPlace,
  type CollectionWrites,
  callArguments,
  collectionArguments,
  collectionKey,
} from './collection-call.js';
import { COLLECTION_KINDS } from './collection-schema.js';
import { stepText } from './counter.js';
import { type EntityKey, fencesKey, indexKey, uniqueKey } from './entity-key.js';
import type { EntitySchema } from './entity-schema.js';
import type { GlobalChange } from './global-changes.js';
import type { Hold } from './global-protocol.js';
import type { IndexChanges } from './index-changes.js';
import { CLOSED, OPEN } from './index-reader.js';
import type { Span } from './query-condition.js';
import type { Outbox } from './outbox.js';
import { pushAll } from './push-all.js';
import type { Stored } from './row-mapper.js';

/** What an operation does to its row, and what it demands of it. */
export type WriteMode = 'insert' | 'update' | 'upsert' | 'delete' | 'check' | 'absent' | 'touch' | 'sweep';

/** A field, and what it must hold; undefined where it must be absent. */
export type Guard = readonly [field: string, value: string | undefined];

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
  /** A property among these pairs that keeps its value in a row that has one; of an upsert alone. */
  readonly kept?: string;
  /** When the row expires from now on, in milliseconds since 1970, null for never; undefined leaves it as it is. */
  readonly expireAt?: number | null;
  /** Counters and what is added to each. */
  readonly increments?: ReadonlyMap<string, bigint>;
  /** What is written to the row's collections, by their properties. */
  readonly collected?: CollectionWrites;
  /** Fields that must hold just this; undefined for absent. */
  readonly guards?: readonly Guard[];
  /** Absent where neither an index nor the list of the partition's rows is touched. */
  readonly indexing?: IndexChanges;
  /** What it changes in global indexes and uniques; absent where it changes none. */
  readonly globals?: readonly GlobalChange[];
  /** What the row holds there from now on, once its entries are in their places. */
  readonly holds?: { readonly until: number; readonly changes: readonly RowHold[] };
}

/** What a row is to hold in a global index or unique. */
export interface RowHold extends Hold {
  readonly name: string;
}

/** What a commit demands of the answer to a query: that it is what it was. */
export type QueryGuard =
  /** So many entries in these ranges of an index, with this digest. */
  | {
      readonly key: string;
      readonly ranges: readonly Span[];
      readonly count: number;
      readonly digest: string;
    }
  /** The ids that hold values of a unique, empty for nobody. */
  | { readonly key: string; readonly held: readonly (readonly [entry: string, idText: string])[] };

/** The lock that a commit is made under. */
export interface Fence {
  /** The tag of the partition it belongs to. */
  readonly tag: string;
  readonly key: string;
  /** The number that was handed out with it; the commit is refused where the lock has another by now. */
  readonly token: string;
  /** Whether its function has ended, and the lock was held until then. */
  hasEndedWell(): boolean;
  /** @throws LockLostError where it is known to be lost, or has ended. */
  assertHeld(): void;
}

/** What a commit has besides its operations. */
export interface CommitExtras {
  readonly queries?: readonly QueryGuard[];
  /** The two keys of the token window. */
  readonly window?: readonly string[];
  readonly fence?: Fence;
  readonly outbox?: Outbox;
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
  touch: 'U', // of what is no part of the version: counters and the expiry
  sweep: 'S',
};

/** The header of a row, filled in by the scripts; what is to be kept is named in the place of the version. */
const headerOf = ({ kept = '' }: RowOperation): string[] => ['~v', kept, '~op', ''];
const NOTHING: readonly never[] = [];

const expiryText = ({ expireAt }: RowOperation): string =>
  expireAt === undefined ? '' : expireAt === null ? '0' : String(Math.max(1, expireAt));

const expectedText = ({ expected }: RowOperation): string => (expected === undefined ? '' : String(expected));

/** Whether the row itself is written, so that its version goes up. */
function writesRow({ mode, set = NOTHING, removed = NOTHING, expireAt }: RowOperation): boolean {
  const isChanged = set.length + removed.length > 0 || expireAt !== undefined;
  return mode === 'insert' || mode === 'upsert' || (mode === 'update' && isChanged);
}

/** Whether the row script can run the operation: one row, no index, no counter, nobody to be told. */
export function isSingleRow(operation: RowOperation): boolean {
  const { schema, mode, increments, guards, indexing, collected, holds } = operation;
  if (ALWAYS_COMMITTED.has(mode) || increments || guards || indexing || collected || holds) return false;
  return !schema.changes && !coversCollections(operation);
}

/** Whether the row may begin or end, or its expiry change, and its collections with it. */
function coversCollections({ schema, mode, expireAt }: RowOperation): boolean {
  return schema.collections.length > 0 && (COVERING.has(mode) || expireAt !== undefined);
}

const COVERING: ReadonlySet<WriteMode> = new Set<WriteMode>(['insert', 'upsert', 'delete', 'sweep']);

const ALWAYS_COMMITTED: ReadonlySet<WriteMode> = new Set<WriteMode>(['absent', 'touch', 'sweep']);

/** The arguments of the row script. */
export function rowScriptArguments(operation: RowOperation, token: string): ScriptInput {
  const { key, mode, removed = NOTHING, set = NOTHING } = operation;
  const letter = writesRow(operation) || mode === 'delete' ? LETTERS[mode] : LETTERS.check;
  const args = [
    token,
    letter,
    expectedText(operation),
    expiryText(operation),
    String(removed.length),
    ...removed,
    ...set,
    ...headerOf(operation),
  ];
  return { keys: [key.row], args };
}

/** The keys and arguments of the commit script. */
export function commitScriptArguments(
  operations: readonly RowOperation[],
  token: string,
  extras: CommitExtras = {},
): ScriptInput {
  const { queries = NOTHING, outbox } = extras;
  const { keys, place } = keyPlaces();
  const args: Stored[] = [token, String(operations.length), String(queries.length)];
  args.push(...extraArguments(extras, place));
  const isCollected = operations.some((one) => one.collected !== undefined || coversCollections(one));
  const isHolding = operations.some(({ holds }) => holds !== undefined);
  args.push(isCollected ? '1' : '', isHolding ? '1' : '');
  const events = outbox?.events ?? NOTHING;
  args.push(String(events.length));
  pushAll(
    args,
    events.flatMap(({ type, payload }) => [type, payload]),
  );
  for (const query of queries) args.push(place(query.key), ...queryArguments(query));
  for (const operation of operations) {
    const { schema, key, mode, set = NOTHING, removed = NOTHING, increments, guards = NOTHING } = operation;
    args.push(place(key.row), LETTERS[mode], expectedText(operation), expiryText(operation));
    args.push(...(schema.changes && outbox ? [schema.name, key.idText] : ['']));
    const pairs = writesRow(operation) ? [...set, ...headerOf(operation)] : NOTHING;
    args.push(String(pairs.length / 2), ...pairs);
    args.push(String(removed.length), ...removed);
    args.push(String(increments?.size ?? 0));
    for (const [counter, by] of increments ?? NOTHING) args.push(counter, stepText(schema, counter, by));
    args.push(
      String(guards.length),
      ...guards.flatMap(([field, value]) => [field, value === undefined ? '' : `=${value}`]),
    );
    if (isCollected) pushAll(args, collectionArguments(operation, coversCollections(operation), place));
    args.push(...indexArguments(operation, place));
    if (isHolding) args.push(...holdArguments(operation, place));
  }
  return { keys: keys(), args };
}

/** The keys and arguments of the increment script. */
export function incrementScriptArguments(
  { schema, key }: RowOperation,
  field: string,
  by: bigint,
  token: string,
  extras: CommitExtras,
): ScriptInput {
  const { keys, place } = keyPlaces();
  place(key.row);
  const args = [
    field,
    stepText(schema, field, by),
    token,
    ...extraArguments(extras, place),
    schema.name,
    key.idText,
  ];
  return { keys: keys(), args };
}

/** The keys and arguments of the collection script. */
export function collectionScriptArguments(
  { schema, key, collection }: CollectionPlace,
  calls: readonly CollectionCall[],
  token: string,
  extras: CommitExtras,
): ScriptInput {
  const { keys, place } = keyPlaces();
  place(key.row);
  place(collectionKey(key, collection));
  const { property, kind } = collection;
  const args: Stored[] = [token, COLLECTION_KINDS[kind].type, ...extraArguments(extras, place)];
  args.push(schema.name, key.idText, property, String(calls.length));
  pushAll(args, callArguments(calls));
  return { keys: keys(), args };
}

type Place = (key: string) => string;

/** Gives keys their numbers in KEYS, in the order in which they are asked for. */
function keyPlaces(): { keys: () => string[]; place: Place } {
  const places = new Map<string, string>();
  const place = (key: string): string => {
    if (!places.has(key)) places.set(key, String(places.size + 1));
    return places.get(key)!;
  };
  return { keys: () => [...places.keys()], place };
}

function extraArguments({ window = NOTHING, fence, outbox }: CommitExtras, place: Place): string[] {
  return [
    ...(window.length > 0 ? window.map(place) : ['0', '0']),
    ...(fence ? [place(fence.key), fence.token] : ['0', '']),
    ...(outbox ? [place(outbox.key), String(outbox.maxLength), outbox.partitionText] : ['0', '', '']),
  ];
}

function queryArguments(query: QueryGuard): Stored[] {
  if ('held' in query) return ['u', String(query.held.length), ...query.held.flat()];
  const { ranges, count, digest } = query;
  const spans = ranges.flatMap(({ from, to }) => [Buffer.concat([CLOSED, from]), Buffer.concat([OPEN, to])]);
  return ['x', String(count + 1), digest, String(ranges.length), ...spans];
}

function indexArguments({ schema, key, indexing }: RowOperation, place: Place): string[] {
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

function holdArguments({ key, holds }: RowOperation, place: (key: string) => string): string[] {
  if (!holds) return ['0'];
  const { until, changes } = holds;
  const args = [String(changes.length), place(fencesKey(key.tag)), String(until)];
  return [...args, ...changes.flatMap(({ name, how, token, encodings }) => [name, how, token, encodings])];
}

/** Bytes of values that an operation writes. */
export function bytesIn({ set = NOTHING, collected = new Map() }: RowOperation): number {
  let bytes = 0;
  for (const value of set) bytes += Buffer.byteLength(value);
  for (const calls of collected.values())
    for (const value of callArguments(calls)) bytes += Buffer.byteLength(value);
  return bytes;
}
