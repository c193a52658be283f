import { createHash } from 'node:crypto';
import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { type Stored, UnfitValue, whatFits } from '../codec/codec.js';
import { convertedField, removedField } from '../keys/stored-names.js';
import type { FieldSchema, FormerField } from '../schema/entity-schema.js';
import { fieldOf } from './stored-row.js';

type Row = Readonly<Record<string, Stored>>;

/** The stored value of a property. */
export interface StoredValue {
  readonly bytes: Stored;
  /** The former name or type that it is stored in; absent if it is stored as its class says. */
  readonly former?: FormerField;
}

const NONE: readonly FormerField[] = [];

/**
 * Returns the stored value of a property. A former field takes precedence: every write under the new name removes it, or
 * writes it too, so a former field that differs was written later, by an older version of the program.
 */
export function storedIn({ property, codec, former = NONE }: FieldSchema, row: Row): StoredValue | undefined {
  for (const one of former) {
    const bytes = fieldOf(row, one.name);
    if (bytes === undefined) continue;
    const isConverted =
      one.name === property &&
      fieldOf(row, convertedField(property))?.toString() === markOf(codec.form, bytes);
    if (!isConverted) return { bytes, former: one };
  }
  const bytes = fieldOf(row, property);
  return bytes === undefined ? undefined : { bytes };
}

/** Decodes a stored value. Any error means that it does not have the type that it should have. */
export function valueOf({ codec }: FieldSchema, { bytes, former }: StoredValue): unknown {
  if (!former) return codec.decode(bytes);
  const value = former.convert(former.codec.decode(bytes));
  codec.encode(value); // a conversion may return what does not fit
  return value;
}

/** Returns the fields of a row that `storedIn` reads. */
export const fieldsRead = ({ property, hasDefault, former = NONE }: FieldSchema): string[] => [
  ...new Set([property, ...former.map(({ name }) => name)]),
  ...(former.some(({ name }) => name === property) ? [convertedField(property)] : []),
  ...(hasDefault ? [removedField(property)] : []),
];

/** Adds a value to the fields that a write sets and removes. */
export function setField(field: FieldSchema, encoded: Stored, set: Stored[], removed: string[]): void {
  const { property, codec, former = NONE, keepsFormer } = field;
  set.push(property, encoded);
  for (const [i, { name }] of former.entries())
    if (name === property) set.push(convertedField(property), markOf(codec.form, encoded));
    else if (keepsFormer && i === 0) set.push(name, encoded);
    else removed.push(name);
}

/** Adds the removal of a value to the fields that a write sets and removes. */
export function removeField(
  { property, hasDefault, former = NONE }: FieldSchema,
  set: Stored[],
  removed: string[],
): void {
  removed.push(property);
  for (const { name } of former) removed.push(name === property ? convertedField(property) : name);
  if (hasDefault) set.push(removedField(property), '');
}

/** @throws InvalidArgumentError if a value does not have the property's type. */
export function encodeField(entity: string, { property, codec }: FieldSchema, value: unknown): Stored {
  try {
    return codec.encode(value);
  } catch (error) {
    if (!(error instanceof UnfitValue)) throw error;
    throw new InvalidArgumentError(
      property,
      `${entity}.${property} must be ${whatFits(codec.expects, value)}`,
    );
  }
}

/** @throws InvalidArgumentError if a value that is to be written is longer than its property allows. */
export function checkLength(entity: string, { property, maxLength }: FieldSchema, value: unknown): void {
  if (maxLength === undefined) return;
  const { length } = Object(value) as { length?: unknown };
  if (typeof length !== 'number' || length <= maxLength) return;
  throw new InvalidArgumentError(
    property,
    `${entity}.${property} must have a length of at most ${maxLength}; got ${length}`,
  );
}

/** @throws InvalidArgumentError if a property that is to have no value must have one. */
export function checkOptional(entity: string, { property, required }: FieldSchema): void {
  if (required)
    throw new InvalidArgumentError(
      property,
      `${entity}.${property} is required and has no value: set it before the write`,
    );
}

/** Marks a value as stored in the property's present type. Another text in its field was not converted. */
const markOf = (form: string, stored: Stored): string =>
  createHash('sha1').update(form).update('\0').update(stored).digest('base64url').slice(0, 8);
