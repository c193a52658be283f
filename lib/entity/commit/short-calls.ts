import { COMMIT_SCRIPTS, ROW_SCRIPTS } from '../commit-scripts/commit-scripts.js';
import { INDEX_LISTS, ROW_FIELDS, encodingName } from '../keys/stored-names.js';
import { indexKey, uniqueKey } from '../keys/entity-key.js';
import { isPlainOperation, kindOf } from '../operations/commit-arguments.js';
import type { FieldEncoding, IndexChanges, RowOperation } from '../operations/row-operation.js';
import type { Stored } from '../codec/codec.js';
import type { EntitySchema, IndexSchema } from '../schema/entity-schema.js';
import type { ScriptCall } from '../scripts/script-caller.js';
import { pushAll } from '../common/push-all.js';

/** A write has at most this many fields and values in the short form: the stack of Lua holds about 8,000 values. */
const MAX_PAIRS = 6_000;
/** A count in the short form is one character. */
const MAX_COUNT = 70;
const countText = (count: number): string => String.fromCharCode(48 + count);

/** The digits of a time in microseconds, which the versions of a row begin with. */
const VERSION_LENGTH = 16;

const SEPARATOR = '\0';

/** The short form of a write. */
export interface ShortForm {
  /** Its kind, some counts, and the expected version. */
  readonly text: string;
  readonly args: readonly Stored[];
  /** Whether it touches indexes, and whether any of them is unique. */
  readonly isIndexed: boolean;
  readonly hasUniques: boolean;
}

/** Returns the call for a write in the short form; undefined if the write has more than that form has. */
export function shortCall(operation: RowOperation, token: string): ScriptCall | undefined {
  const form = shortForm(operation);
  if (!form) return undefined;
  const { schema, key } = operation;
  const keys = [key.row];
  if (form.isIndexed) keys.push(indexKey(schema, key.tag));
  if (form.hasUniques) keys.push(uniqueKey(schema, key.tag));
  const script = form.isIndexed ? COMMIT_SCRIPTS.writing : ROW_SCRIPTS.writing;
  return { script, keys, args: [token + form.text, ...form.args] };
}

/**
 * Returns the arguments of a write in the short form of `LUA_SHORT_WRITE`; undefined if the write has more than that
 * form has. The form covers inserts and updates of one row that only set fields, of a class without a token window, an
 * outbox or properties with a time to live.
 */
export function shortForm(operation: RowOperation): ShortForm | undefined {
  const { schema, mode, set, removed, indexing, expected } = operation;
  const isInsert = mode === 'insert';
  if ((!isInsert && mode !== 'update') || set === undefined || set.length > MAX_PAIRS) return undefined;
  if (schema.hasWindow || schema.changes || schema.lifetimes || !isPlainOperation(operation))
    return undefined;
  if (isInsert) {
    if (expected !== undefined) return undefined;
    return indexing
      ? indexedInsert(operation, indexing, set)
      : { text: 'n', args: set, isIndexed: false, hasUniques: false };
  }
  if (set.length === 0 || (removed !== undefined && removed.length > 0)) return undefined;
  const versions = versionsText(expected);
  return indexing
    ? indexedUpdate(operation, indexing, set, versions)
    : { text: `p${versions}`, args: set, isIndexed: false, hasUniques: false };
}

/** Returns the expected version, and the next one if both have as many digits as the script expects. */
function versionsText(expected: number | undefined): string {
  if (expected === undefined) return '';
  const [version, next] = [String(expected), String(expected + 1)];
  return version.length === VERSION_LENGTH && next.length === VERSION_LENGTH ? version + next : version;
}

function indexedUpdate(
  { key }: RowOperation,
  indexing: IndexChanges,
  set: readonly Stored[],
  versions: string,
): ShortForm | undefined {
  const { indexes, fields } = indexing;
  if (!indexes.every((index) => isReplaced(index, indexing))) return undefined;
  const uniques = indexes.filter(({ kind }) => kind === 'unique');
  const all = [...indexes.filter(({ kind }) => kind !== 'unique'), ...uniques];
  const encoded = all.map((index) => fields.find(({ name }) => name === encodingName(index.fields[0]))!);
  if (all.length > MAX_COUNT) return undefined;
  const text = `u${countText(all.length - uniques.length)}${countText(uniques.length)}${versions}`;
  const args: Stored[] = [key.idText];
  for (const { name } of all) args.push(name);
  const first = set.length - 2 * fields.length; // the last pairs are the encodings
  for (let i = 0; i < first; i++) args.push(set[i]);
  for (const { name, encoding } of encoded) args.push(ROW_FIELDS.encoding + name, encoding);
  return { text, args, isIndexed: true, hasUniques: uniques.length > 0 };
}

/** Returns whether an index has one field, of its own, which gets a new value. */
function isReplaced(index: IndexSchema, { fields, indexes }: IndexChanges): boolean {
  if (!isPlainIndex(index) || index.fields.length !== 1 || fields.length !== indexes.length) return false;
  return fields.some(({ name, how }) => how === '+' && name === encodingName(index.fields[0]));
}

const isPlainIndex = (index: IndexSchema): boolean => PLAIN_KINDS.has(kindOf(index));
const PLAIN_KINDS: ReadonlySet<string> = new Set(['u', 'x']);

function indexedInsert(
  { schema, key }: RowOperation,
  indexing: IndexChanges,
  set: readonly Stored[],
): ShortForm | undefined {
  const shape = shapeOf(schema, indexing);
  if (shape === undefined) return undefined;
  const { fields, indexes } = indexing;
  const claims: string[] = [];
  const adds: string[] = ['0', INDEX_LISTS.rows + SEPARATOR + key.idText];
  let hasUniques = false;
  for (const index of indexes) {
    const isUnique = index.kind === 'unique';
    hasUniques ||= isUnique;
    const entry = entryOf(index, fields);
    if (entry === undefined) continue;
    if (isUnique) claims.push(entry);
    else adds.push('0', entry + SEPARATOR + key.idText);
  }
  if (indexes.length >= MAX_COUNT) return undefined;
  const text = `i${countText(claims.length)}${countText(adds.length / 2)}`;
  const args: Stored[] = [shape, key.idText, ...claims, ...adds];
  pushAll(args, set);
  return { text, args, isIndexed: true, hasUniques };
}

/** Returns the entry of a new row in an index: its name and the encodings of its fields; undefined if a field is absent. */
function entryOf({ name, fields: parts }: IndexSchema, fields: readonly FieldEncoding[]): string | undefined {
  let entry = name;
  for (const part of parts) {
    const partName = encodingName(part);
    const field = fields.find((one) => one.name === partName)!;
    if (field.how !== '+') return undefined;
    entry += SEPARATOR + field.encoding;
  }
  return entry;
}

/** The shapes of classes: an insert touches all indexes. */
const shapes = new WeakMap<EntitySchema, string | undefined>();

/** Returns the fields and indexes of inserts, as `LUA_LONG_COMMIT` reads them; undefined if there is an index of another kind. */
function shapeOf(schema: EntitySchema, { fields, indexes }: IndexChanges): string | undefined {
  if (shapes.has(schema)) return shapes.get(schema);
  const parts = [
    fields.length,
    ...fields.map(({ name }) => ROW_FIELDS.encoding + name),
    indexes.length,
    ...indexes.flatMap((index) => [
      kindOf(index),
      index.name,
      index.fields.length,
      ...index.fields.map((part) => fields.findIndex(({ name }) => name === encodingName(part)) + 1),
    ]),
  ];
  const shape = indexes.every(isPlainIndex) ? parts.join(SEPARATOR) : undefined;
  shapes.set(schema, shape);
  return shape;
}
