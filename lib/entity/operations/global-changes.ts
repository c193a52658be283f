import { encodingField, encodingName } from '../keys/stored-names.js';
import type { IndexedField } from '../schema/entity-schema.js';
import type { Stored } from '../codec/codec.js';
import { isDeleted } from '../schema/deletion-schema.js';
import { isDeletionWritten } from './index-changes.js';
import type { GlobalChange, RowOperation } from './row-operation.js';

/**
 * Adds the changes of global indexes and unique constraints to an operation. A sweep does not touch them: readers
 * detect and skip the entries of a row that is gone.
 *
 * @param values the entity, or the patch as a plain object, that the operation writes; empty for a delete.
 */
export function withGlobals(operation: RowOperation, values: object): RowOperation {
  const { schema, mode, set = [], removed = [] } = operation;
  if (schema.globals.length === 0 || !WRITING.has(mode)) return operation;
  if (mode === 'delete')
    return { ...operation, globals: schema.globals.map((index) => ({ index, parts: [null] })) };
  const written = new Set<Stored>([...set.filter((_, i) => i % 2 === 0), ...removed]);
  const deleted = isDeleted(schema, values);
  const isMoved = mode === 'update' && isDeletionWritten(operation);
  const isWritten = ({ property }: IndexedField): boolean =>
    mode !== 'update' || isMoved || written.has(property);
  // The list of all rows, an index without fields, changes only if a row comes or goes.
  const touched = schema.globals.filter(({ fields }) =>
    fields.length > 0 ? fields.some(isWritten) : mode !== 'update' || isMoved,
  );
  if (touched.length === 0) return operation;
  // A save checks the version, so the entity's other properties have the row's values.
  const isWhole = mode !== 'update' || isMoved || values instanceof schema.type;
  const isKnown = (field: IndexedField): boolean => isWhole || isWritten(field);
  const encodingOf = ({ property, codec }: IndexedField): string | null => {
    const value: unknown = Reflect.get(values, property);
    return deleted || value === undefined || value === null ? null : codec.order(value);
  };
  const shared = touched.filter(({ fields }) => fields.length > 1).flatMap(({ fields }) => fields);
  // Each encoding once, without those whose encoding an index of the partition already writes.
  const parts = [...new Map(shared.map((field) => [encodingName(field), field])).values()].filter(
    (field) => isKnown(field) && !written.has(encodingField(field)),
  );
  const given = parts.flatMap((field): Stored[] => {
    const encoding = encodingOf(field);
    return encoding === null ? [] : [encodingField(field), encoding];
  });
  const absent = parts.filter((field) => encodingOf(field) === null);
  const changes = touched.map((index): GlobalChange => {
    const encodings = index.fields.map((field) => (isKnown(field) ? encodingOf(field) : undefined));
    return { index, parts: deleted ? [null] : encodings };
  });
  if (mode === 'insert') {
    // A new row has no entries to release. Those of an expired row are detected when they are read.
    const entered = changes.filter((change) => !change.parts.includes(null));
    return { ...operation, set: [...set, ...given], globals: entered.length > 0 ? entered : undefined };
  }
  return {
    ...operation,
    set: [...set, ...given],
    removed: [...removed, ...absent.map(encodingField)],
    globals: changes,
  };
}

const WRITING: ReadonlySet<RowOperation['mode']> = new Set(['insert', 'update', 'upsert', 'delete'] as const);
