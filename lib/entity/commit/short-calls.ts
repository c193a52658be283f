import { COMMIT_SCRIPTS, ROW_SCRIPTS } from '../commit-scripts/commit-scripts.js';
import { INDEX_LISTS, ROW_FIELDS, encodingName } from '../keys/stored-names.js';
import { indexKey, uniqueKey } from '../keys/entity-key.js';
import { isPlainOperation, kindOf } from '../operations/commit-arguments.js';
import type { IndexChanges, RowOperation } from '../operations/row-operation.js';
import type { Stored } from '../codec/codec.js';
import type { EntitySchema, IndexSchema } from '../schema/entity-schema.js';
import type { ScriptCall } from '../scripts/script-caller.js';
import { pushAll } from '../common/push-all.js';

/** A write has at most this many fields and values in the short form: the stack of Lua holds about 8,000 values. */
const MAX_PAIRS = 6_000;

const SEPARATOR = '\0';

/**
 * Returns the call for a write in the short form of `LUA_SHORT_WRITE`; undefined if the write has more than that form
 * has. The form covers inserts and updates of one row that only set fields, of a class without a token window, an
 * outbox or properties with a time to live.
 */
export function shortCall(operation: RowOperation, token: string): ScriptCall | undefined {
  const { schema, key, mode, set, indexing, expected } = operation;
  if ((mode !== 'insert' && mode !== 'update') || set === undefined || set.length > MAX_PAIRS)
    return undefined;
  if (schema.hasWindow || schema.changes || schema.lifetimes || !isPlainOperation(operation))
    return undefined;
  if (mode === 'insert') {
    if (expected !== undefined) return undefined;
    if (!indexing) return rowCall(operation, [token, 'n', ...set]);
    return indexedInsert(operation, indexing, set, token);
  }
  if (set.length === 0 || (operation.removed?.length ?? 0) > 0) return undefined;
  const version = expected === undefined ? '' : String(expected);
  if (!indexing) return rowCall(operation, [token, 'p', version, ...set]);
  if (!indexing.indexes.every((index) => isReplaced(index, indexing))) return undefined;
  const { indexes, fields } = indexing;
  const uniques = indexes.filter(({ kind }) => kind === 'unique');
  const all = [...indexes.filter(({ kind }) => kind !== 'unique'), ...uniques];
  const args: Stored[] = [
    token,
    'u',
    version,
    key.idText,
    String(all.length - uniques.length),
    String(uniques.length),
  ];
  const encoded = all.map((index) => fields.find(({ name }) => name === encodingName(index.fields[0]))!);
  for (const { name } of encoded) args.push(ROW_FIELDS.encoding + name);
  for (const { name } of all) args.push(name);
  pushAll(args, set.slice(0, set.length - 2 * fields.length)); // the last pairs are the encodings
  for (const { name, encoding } of encoded) args.push(ROW_FIELDS.encoding + name, encoding);
  return indexedCall(operation, uniques.length > 0, args);
}

/** Returns whether an index has one field, of its own, which gets a new value. */
function isReplaced(index: IndexSchema, { fields, indexes }: IndexChanges): boolean {
  if (!isPlainIndex(index) || index.fields.length !== 1 || fields.length !== indexes.length) return false;
  return fields.some(({ name, how }) => how === '+' && name === encodingName(index.fields[0]));
}

const isPlainIndex = (index: IndexSchema): boolean => PLAIN_KINDS.has(kindOf(index));
const PLAIN_KINDS: ReadonlySet<string> = new Set(['u', 'x']);

function indexedInsert(
  operation: RowOperation,
  { fields, indexes }: IndexChanges,
  set: readonly Stored[],
  token: string,
): ScriptCall | undefined {
  const { schema, key } = operation;
  const shape = shapeOf(schema, { fields, indexes });
  if (shape === undefined) return undefined;
  const claims: string[] = [];
  const adds: string[] = ['0', INDEX_LISTS.rows + SEPARATOR + key.idText];
  for (const { kind, name, fields: parts } of indexes) {
    let entry: string | undefined = name;
    for (const part of parts) {
      const field = fields.find((one) => one.name === encodingName(part))!;
      entry = field.how === '+' && entry !== undefined ? entry + SEPARATOR + field.encoding : undefined;
    }
    if (entry === undefined) continue;
    if (kind === 'unique') claims.push(entry);
    else adds.push('0', entry + SEPARATOR + key.idText);
  }
  const args: Stored[] = [
    token,
    'i',
    shape,
    key.idText,
    String(claims.length),
    String(adds.length),
    ...claims,
    ...adds,
  ];
  pushAll(args, set);
  return indexedCall(
    operation,
    indexes.some(({ kind }) => kind === 'unique'),
    args,
  );
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

const rowCall = ({ key }: RowOperation, args: Stored[]): ScriptCall => ({
  script: ROW_SCRIPTS.writing,
  keys: [key.row],
  args,
});

function indexedCall({ schema, key }: RowOperation, hasUniques: boolean, args: Stored[]): ScriptCall {
  const keys = [key.row, indexKey(schema, key.tag)];
  if (hasUniques) keys.push(uniqueKey(schema, key.tag));
  return { script: COMMIT_SCRIPTS.writing, keys, args };
}
