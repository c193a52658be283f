import type { IndexSchema } from '../schema/entity-schema.js';
import { encodingName, ROW_FIELDS } from '../keys/stored-names.js';
import type { Stored } from '../codec/codec.js';
import { COLLECTION_KINDS } from '../decorators/collection-kind.js';
import type { EntitySchema } from '../schema/entity-schema.js';
import { stepText } from '../rows/counter.js';
import { CLOSED, OPEN } from '../keys/index-entry.js';
import { indexKey, uniqueKey, fencesKey } from '../keys/entity-key.js';
import { pushAll } from '../common/push-all.js';
import { isDeletionWritten } from './index-changes.js';
import type { Outbox } from './outbox.js';
import {
  collectionArguments,
  type CollectionPlace,
  type CollectionCall,
  collectionKey,
  callArguments,
} from '../collections/collection-call.js';
import {
  type RowOperation,
  type QueryGuard,
  type CommitExtras,
  headerOf,
  WriteMode,
} from './row-operation.js';

/** The keys and arguments of a script. */
export interface ScriptInput {
  readonly keys: string[];
  readonly args: Stored[];
}
export const LETTERS: Record<WriteMode, string> = {
  insert: 'I',
  update: 'U',
  upsert: 'W',
  delete: 'D',
  check: 'C',
  absent: 'A',
  touch: 'U', // changes no version: counters and the expiry
  sweep: 'S',
};
const NOTHING: readonly never[] = [];
const expiryText = ({ expireAt }: RowOperation): string =>
  expireAt === undefined ? '' : expireAt === null ? '0' : String(Math.max(1, expireAt));
const expectedText = ({ expected }: RowOperation): string => (expected === undefined ? '' : String(expected));
/** Returns whether the row itself is written, which increments its version. */
function writesRow({ mode, set = NOTHING, removed = NOTHING, expireAt }: RowOperation): boolean {
  const isChanged = set.length + removed.length > 0 || expireAt !== undefined;
  return mode === 'insert' || mode === 'upsert' || (mode === 'update' && isChanged);
}
/** Returns whether the row script can run the operation: it touches no index, counter, collection or outbox. */
export function isSingleRow(operation: RowOperation): boolean {
  const { schema, mode, increments, guards, indexing, collected, holds } = operation;
  if (ALWAYS_COMMITTED.has(mode) || increments || guards || indexing || collected || holds) return false;
  return !schema.changes && !coversCollections(operation);
}
/** Returns whether the operation may create or delete the row or change its expiry, and so affects its collections. */
function coversCollections({ schema, mode, expireAt }: RowOperation): boolean {
  return schema.collections.length > 0 && (COVERING.has(mode) || expireAt !== undefined);
}
const COVERING: ReadonlySet<WriteMode> = new Set<WriteMode>(['insert', 'upsert', 'delete', 'sweep']);
const ALWAYS_COMMITTED: ReadonlySet<WriteMode> = new Set<WriteMode>(['absent', 'touch', 'sweep']);
/** Returns the keys and arguments of the row script. */
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
/** Returns the keys and arguments of the commit script. */
export function commitScriptArguments(
  operations: readonly RowOperation[],
  token: string,
  extras: CommitExtras = {},
): ScriptInput {
  const { queries = NOTHING, outbox } = extras;
  const { keys, place } = keyPlaces();
  const isPlain = isWithoutExtras(extras) && operations.every(isPlainOperation);
  const args: Stored[] = [token, String(operations.length), isPlain ? '' : String(queries.length)];
  if (isPlain) {
    for (const operation of operations) pushAll(args, plainArguments(operation, place));
    return { keys: keys(), args };
  }
  args.push(...extraArguments(extras, place));
  const isCollected = operations.some((one) => one.collected !== undefined || coversCollections(one));
  const isHolding = operations.some(({ holds }) => holds !== undefined);
  args.push(isCollected ? '1' : '', isHolding ? '1' : '', ...stepArguments(extras, place));
  const events = outbox?.events ?? NOTHING;
  args.push(String(events.length));
  pushAll(
    args,
    events.flatMap(({ type, payload }) => [type, payload]),
  );
  for (const query of queries) args.push(place(query.key), ...queryArguments(query));
  for (const operation of operations) {
    const { schema, key, increments, guards = NOTHING } = operation;
    pushAll(args, plainArguments(operation, place));
    args.push(expiryText(operation));
    args.push(
      ...(schema.changes && outbox
        ? [schema.name, key.idText, valuesMark(schema), deletionField(operation)]
        : ['']),
    );
    args.push(String(increments?.size ?? 0));
    for (const [counter, by] of increments ?? NOTHING) args.push(counter, stepText(schema, counter, by));
    args.push(
      String(guards.length),
      ...guards.flatMap(([field, value]) => [field, value === undefined ? '' : `=${value}`]),
    );
    if (isCollected) pushAll(args, collectionArguments(operation, coversCollections(operation), place));
    if (isHolding) args.push(...holdArguments(operation, place));
  }
  return { keys: keys(), args };
}
/** Returns whether a commit consists of its operations only. */
const isWithoutExtras = ({
  queries = NOTHING,
  window = NOTHING,
  fence,
  outbox,
  step,
}: CommitExtras): boolean => queries.length + window.length === 0 && !fence && !outbox && !step;
/** Returns whether the row's fields and its indexes are all that an operation writes or requires. */
export const isPlainOperation = (operation: RowOperation): boolean =>
  operation.expireAt === undefined &&
  !operation.increments &&
  !operation.guards &&
  !operation.collected &&
  !operation.holds &&
  !coversCollections(operation);
/** Returns the arguments that every operation has. */
function plainArguments(operation: RowOperation, place: Place): Stored[] {
  const { key, mode, set = NOTHING, removed = NOTHING } = operation;
  const args: Stored[] = [place(key.row), LETTERS[mode], expectedText(operation)];
  const pairs = writesRow(operation) ? [...set, ...headerOf(operation)] : NOTHING;
  args.push(String(pairs.length / 2), ...pairs);
  args.push(String(removed.length), ...removed);
  args.push(...indexArguments(operation, place));
  return args;
}
/** Returns the keys and arguments of the increment script. */
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
    valuesMark(schema),
  ];
  return { keys: keys(), args };
}
/** Returns the keys and arguments of the collection script. */
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
/** Numbers keys by their place in KEYS, in the order of their first use. */
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
    ...(outbox ? [place(outbox.key), lengthArgument(outbox), outbox.partitionText] : ['0', '', '']),
  ];
}
function stepArguments({ step }: CommitExtras, place: Place): string[] {
  if (!step) return ['0', '', '', '', ''];
  return [place(step.key), step.field, step.writerField, step.from, step.to];
}
/** Returns the field with the deletion time, if an existing row may be deleted softly or restored by the write. */
const deletionField = (operation: RowOperation): string =>
  operation.mode !== 'insert' && isDeletionWritten(operation) ? operation.schema.deletion!.property : '';
/** Says whether the values of changes are recorded. */
const valuesMark = ({ changes }: EntitySchema): string => (changes?.values ? '1' : '');
/** The length of the outbox, and the trace context of the writer behind it. */
const lengthArgument = ({ maxLength, headers }: Outbox): string =>
  headers === undefined ? String(maxLength) : `${maxLength} ${JSON.stringify(headers)}`;

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
  for (const { name } of fields) args.push(ROW_FIELDS.encoding + name);
  for (const { how, encoding } of fields) args.push(how, encoding);
  args.push(String(indexes.length));
  for (const index of indexes) {
    const parts = index.fields.map((part) => fields.findIndex(({ name }) => name === encodingName(part)) + 1);
    args.push(kindOf(index), index.name, String(parts.length), ...parts.map(String));
  }
  return args;
}
/** Returns how the commit script makes the entries of an index. */
export function kindOf({ kind, fields, nulls }: IndexSchema): string {
  if (kind === 'unique') return 'u';
  const elements = fields.findIndex(({ form }) => form === 'elements');
  if (elements >= 0) return `e${elements + 1}`;
  return nulls ? 'n' : 'x';
}
function holdArguments({ key, holds }: RowOperation, place: (key: string) => string): string[] {
  if (!holds) return ['0'];
  const { until, changes } = holds;
  const args = [String(changes.length), place(fencesKey(key.tag)), String(until)];
  return [...args, ...changes.flatMap(({ name, how, token, encodings }) => [name, how, token, encodings])];
}
/** Returns the number of bytes of the values that an operation writes. */
export function bytesIn({ set = NOTHING, collected = new Map() }: RowOperation): number {
  let bytes = 0;
  for (const value of set) bytes += Buffer.byteLength(value);
  for (const calls of collected.values())
    for (const value of callArguments(calls)) bytes += Buffer.byteLength(value);
  return bytes;
}
