import type { PropertyOptions } from './property-type.js';

/** How a property was stored before its type changed. */
export interface ConvertFrom extends PropertyOptions {
  /** Converts a value of the former type to the property's type. It must not depend on anything else. */
  convert: (value: never) => unknown;
}

/** Options of `@Property`. */
export interface StoredOptions extends PropertyOptions {
  /**
   * The value of rows that lack the property, and of new entities without it: a string, number, bigint or boolean, or a
   * function that returns a value. An initializer of the class has the same effect. Null in an entity means no value.
   */
  default?: unknown;
  /** Rejects writes of an entity that has no value. Reads accept rows without it, such as those of older versions. */
  required?: boolean | undefined;
  /** The greatest length that a write may store: of a string in UTF-16 code units, of bytes, or of an array. */
  maxLength?: number | undefined;
  /**
   * How long a value lives after the write that stored it: milliseconds, or `'90s'`, `'15m'`, `'12h'`, `'30d'`. Then the
   * property has no value. Needs Redis 7.4 or Valkey 9. The property cannot be indexed, unique or required, and has no
   * default and no former name or type.
   */
  ttl?: number | string | undefined;
  /**
   * The former name of the property, or several, the latest first. Rows that have a former field are read by it. A write
   * of the property stores it under the new name, and removes the former fields.
   */
  renamedFrom?: string | readonly string[] | undefined;
  /**
   * With `renamedFrom`: writes the latest former field too, instead of removing it, while processes run that do not know
   * the new name.
   */
  keepFormer?: boolean | undefined;
  /** The former type of the property, and how to convert a value of it. */
  convertFrom?: ConvertFrom | undefined;
}

/** The options of `@Property` that have a meaning only for a field of a row. */
export const ROW_OPTIONS = [
  'default',
  'required',
  'maxLength',
  'ttl',
  'renamedFrom',
  'keepFormer',
  'convertFrom',
] as const satisfies readonly (keyof StoredOptions)[];
