import type { IndexSchema, IndexedField } from './entity-schema.js';
import { withGlobals } from './global-changes.js';
import type { Stored } from './row-mapper.js';
import type { RowOperation, WriteMode } from './row-operation.js';

/** An indexed field of a write: `=` as it is, `+` with a new encoding, `-` absent. */
export interface FieldEncoding {
  readonly property: string;
  readonly how: '=' | '+' | '-';
  readonly encoding: string;
}

/** The indexes that a write touches, and the fields they are made of. */
export interface IndexChanges {
  readonly fields: readonly FieldEncoding[];
  readonly indexes: readonly IndexSchema[];
}

const ENDS: ReadonlySet<WriteMode> = new Set<WriteMode>(['delete', 'sweep']);

/** The field of a row that holds the encoding of an indexed property, for the script to find the old entries. */
export const encodingField = (property: string): string => `~i:${property}`;

/**
 * An operation with what it does to indexes.
 *
 * @param values the entity, or the patch, that the operation was made of; a delete has none.
 */
export function withIndexes(operation: RowOperation, values: object = {}): RowOperation {
  return withGlobals(withPartitionIndexes(operation, values), values);
}

function withPartitionIndexes(operation: RowOperation, values: object): RowOperation {
  const { schema, mode, set = [], removed = [] } = operation;
  if (!schema.partitionKey) return operation; // a partition of one row
  const isPart = mode === 'update' || mode === 'touch';
  const written = new Set<Stored>([...set.filter((_, i) => i % 2 === 0), ...removed]);
  const isWritten = ({ property }: IndexedField): boolean =>
    !ENDS.has(mode) && (!isPart || written.has(property));
  const indexes = isPart ? schema.indexes.filter(({ fields }) => fields.some(isWritten)) : schema.indexes;
  if (isPart && indexes.length === 0 && operation.expireAt === undefined) return operation;
  const involved = new Map(indexes.flatMap((index) => index.fields.map((field) => [field.property, field])));
  const fields = [...involved.values()].map((field): FieldEncoding => {
    const { property, codec } = field;
    if (!isWritten(field)) return { property, how: '=', encoding: '' };
    const value: unknown = Reflect.get(values, property);
    if (value === undefined || value === null) return { property, how: '-', encoding: '' };
    return { property, how: '+', encoding: codec.order(value) };
  });
  const given = fields.filter(({ how }) => how === '+');
  const absent = fields.filter(({ how }) => how === '-');
  return {
    ...operation,
    set: [...set, ...given.flatMap(({ property, encoding }) => [encodingField(property), encoding])],
    removed: [...removed, ...absent.map(({ property }) => encodingField(property))],
    indexing: { fields, indexes },
  };
}
