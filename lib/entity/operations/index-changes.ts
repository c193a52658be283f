import { encodingField, encodingName } from '../keys/stored-names.js';
import { listedDeletions } from '../keys/deletion-list.js';
import { isDeleted } from '../schema/deletion-schema.js';
import type { EntitySchema, IndexedField } from '../schema/entity-schema.js';
import type { Stored } from '../codec/codec.js';
import type { FieldEncoding, RowOperation, WriteMode } from './row-operation.js';
import type { EntityKey } from '../keys/entity-key.js';

const ENDS: ReadonlySet<WriteMode> = new Set<WriteMode>(['delete', 'sweep']);

/**
 * Adds the changes of the partition's indexes and unique constraints to an operation.
 *
 * @param values the entity or the patch that the operation writes; empty for a delete.
 */
export function withIndexes(operation: RowOperation, values: object = {}): RowOperation {
  const { schema, mode, set = [], removed = [] } = operation;
  if (!schema.partitionKey) return operation; // a partition of one row
  const lists = listedDeletions(schema);
  const all = [...schema.indexes, ...lists];
  const deleted = isDeleted(schema, values);
  const isPart = mode === 'update' || mode === 'touch';
  const isMoved = isPart && isDeletionWritten(operation);
  const isWritten = ({ property }: IndexedField): boolean =>
    !ENDS.has(mode) && (!isPart || isMoved || removed.includes(property) || isSet(set, property));
  const touched = isPart ? all.filter(({ fields: parts }) => parts.some(isWritten)) : all;
  // An index of rows without a value has no deleted ones: the list of deletions names the field that says so.
  const indexes = touched.some(({ nulls }) => nulls) ? [...new Set([...touched, ...lists])] : touched;
  if (isPart && indexes.length === 0 && operation.expireAt === undefined) return operation;
  const fields: FieldEncoding[] = [];
  const [nowSet, nowRemoved] = [[...set], [...removed]];
  for (const field of indexes.flatMap((index) => index.fields)) {
    const { property, codec } = field;
    const name = encodingName(field);
    if (fields.some((one) => one.name === name)) continue;
    const isListed = !deleted || property === schema.deletion?.property;
    const value: unknown = isWritten(field) ? Reflect.get(values, property) : UNWRITTEN;
    if (value === UNWRITTEN) fields.push({ name, how: '=', encoding: '' });
    else if (value === undefined || value === null || !isListed) {
      fields.push({ name, how: '-', encoding: '' });
      nowRemoved.push(encodingField(field));
    } else {
      const encoding = codec.order(value);
      fields.push({ name, how: property === operation.kept ? '?' : '+', encoding });
      nowSet.push(encodingField(field), encoding);
    }
  }
  return { ...operation, set: nowSet, removed: nowRemoved, indexing: { fields, indexes } };
}

const UNWRITTEN = Symbol('unwritten');

/** Returns whether pairs of fields and values contain a field. */
function isSet(pairs: readonly Stored[], property: string): boolean {
  for (let i = 0; i < pairs.length; i += 2) if (pairs[i] === property) return true;
  return false;
}
/** Returns whether an update deletes a row softly or restores it, which moves it out of all indexes or into them. */
export function isDeletionWritten({ schema, set = [], removed = [] }: RowOperation): boolean {
  const property = schema.deletion?.property;
  return property !== undefined && (removed.includes(property) || isSet(set, property));
}

/** Returns the operation that deletes a row if it has expired. */
export function sweepOperation(schema: EntitySchema, key: EntityKey): RowOperation {
  return withIndexes({ schema, key, mode: 'sweep' });
}
