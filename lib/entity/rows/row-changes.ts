import { InvalidArgumentError } from '../../cluster/common/errors.js';
import type { Stored } from '../codec/codec.js';
import { hasRoundedNumber } from '../codec/lossy-numbers.js';
import { removedField } from '../keys/stored-names.js';
import type { EntitySchema, FieldSchema } from '../schema/entity-schema.js';
import { checkLength, checkOptional, encodeField, removeField, setField } from './field-storage.js';
import {
  DefaultSnapshot,
  FormerSnapshot,
  isNothing,
  isUnchanged,
  type SnapshotValue,
} from './row-snapshot.js';

/** The changes that a write makes to a row. */
export interface RowChanges {
  /** Alternating fields and values. */
  readonly set: Stored[];
  readonly removed: string[];
  /** The snapshot of the row after the write. */
  readonly snapshot: SnapshotValue[];
}

/**
 * Returns the changes that bring a row up to date with its entity.
 *
 * @param globalFields the properties of global indexes.
 * @param known the snapshot of the current row; without it, everything is written.
 * @throws InvalidArgumentError if a value does not have its property's type, or not the length that it allows.
 */
export function rowChanges(
  schema: EntitySchema,
  globalFields: ReadonlySet<string>,
  entity: object,
  known?: readonly SnapshotValue[],
): RowChanges {
  const { fields, name } = schema;
  const set: Stored[] = [];
  const removed: string[] = [];
  const unstored: [field: FieldSchema, encoded: Stored][] = [];
  const snapshot: SnapshotValue[] = new Array<SnapshotValue>(fields.length);
  for (let i = 0; i < fields.length; i++) {
    const field = fields[i];
    const value = Reflect.get(entity, field.property) as unknown;
    const before = known?.[i];
    if (value === undefined || value === null) {
      checkOptional(name, field);
      if (known && isNothing(field, before)) snapshot[i] = before;
      else removeField(field, set, removed);
      continue;
    }
    const { immutable } = field.codec;
    if (immutable && known && before === value) {
      snapshot[i] = value;
      continue;
    }
    const encoded = encodeField(name, field, value);
    snapshot[i] = immutable ? value : encoded;
    const isDefault = before instanceof DefaultSnapshot;
    if (
      isDefault
        ? isUnchanged(field, before.value, value, encoded)
        : isUnchanged(field, before, value, encoded)
    ) {
      const isFormer = before instanceof FormerSnapshot;
      if (isFormer || (isDefault && globalFields.has(field.property))) unstored.push([field, encoded]);
      if (!isFormer) snapshot[i] = before;
      continue;
    }
    checkLength(name, field, value);
    if (!isDefault && before !== undefined) checkNumbers(name, field, before as Stored, encoded);
    setField(field, encoded, set, removed);
    if (field.hasDefault && before === undefined) removed.push(removedField(field.property));
  }
  // A row must contain the values of its entries in global indexes, and leaves its former fields with any write.
  if (set.length + removed.length > 0)
    for (const [field, encoded] of unstored) setField(field, encoded, set, removed);
  return { set, removed, snapshot };
}

/**
 * Returns what stores the values of a row under the names and in the types of its class, with its defaults; undefined if
 * they are so stored.
 *
 * @param snapshot of the row, as it was read.
 */
export function migrationOf(
  { fields, name }: EntitySchema,
  entity: object,
  snapshot: readonly SnapshotValue[],
): Omit<RowChanges, 'snapshot'> | undefined {
  const set: Stored[] = [];
  const removed: string[] = [];
  for (const [i, field] of fields.entries())
    if (snapshot[i] instanceof DefaultSnapshot)
      setField(field, encodeField(name, field, Reflect.get(entity, field.property)), set, removed);
  return set.length > 0 ? { set, removed } : undefined;
}

/** @throws InvalidArgumentError if the write contains a number that was rounded when it was read. */
function checkNumbers(
  entity: string,
  { property, codec }: FieldSchema,
  known: Stored,
  encoded: Stored,
): void {
  if (codec.form !== 'json' || !hasRoundedNumber(String(known), String(encoded))) return;
  throw new InvalidArgumentError(
    property,
    `${entity}.${property} is stored with a number that JavaScript cannot hold exactly, and saving it ` +
      'would round it: replace that number, or write the whole value with update()',
  );
}
