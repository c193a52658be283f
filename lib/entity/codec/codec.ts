import { isUtf8 } from 'node:buffer';
import { types } from 'node:util';
import { describeKind } from '../../cluster/common/describe-value.js';

/**
 * Converts values of one type to the bytes of a row's field, and back. A codec never receives null or undefined, which
 * are stored as absent fields.
 */
export interface Codec<T = unknown> {
  /**
   * The stored form, for the schema record. Types with the same form can read each other's values. Never rename one.
   */
  readonly form: 'text' | 'number' | 'bigint' | 'boolean' | 'date' | 'bytes' | 'json';
  /** What a value must be, for error messages, such as 'a bigint'. */
  readonly expects: string;
  /** Whether values cannot be changed in place, so that comparing by `===` detects every change. */
  readonly immutable: boolean;
  /** @throws UnfitValue if the value does not have the type. */
  encode(value: T): string | Buffer;
  /**
   * Decodes a field. Any error means that the field does not have the type.
   *
   * @param stored the bytes; except for the form 'bytes', it can also be text from valid UTF-8.
   */
  decode(stored: Buffer | string): T;
  /**
   * Returns the value as part of a JSON document, such as an element of an array or a property of an embedded value.
   */
  toJson(value: T): unknown;
  fromJson(json: unknown): T;
  /**
   * Returns whether two values with different texts are the same: a value can have many texts, because of the order of
   * keys, white space, or a nonce. If this is not known, they differ.
   */
  isSame(a: T, b: T): boolean;
  /** Returns text whose bytes sort like the values. Types without it cannot be indexed. */
  order?(value: T): string;
  /** The form of that text, if it differs from `form`. If it changes, indexes must be rebuilt. */
  readonly orderForm?: string;
  /** The codec of the elements, for an array. */
  readonly element?: Codec;
}

/** A value that does not have its property's type. The caller, who knows the property, words the error. */
export class UnfitValue extends Error {}

/** Decodes text. Invalid UTF-8 is rejected rather than silently replaced. */
export function textOf(stored: Buffer | string): string {
  if (typeof stored === 'string') return stored;
  fit(isUtf8(stored));
  return stored.toString();
}

/** Rejects a value that does not fit. */
export function fit(condition: boolean): asserts condition {
  if (!condition) throw new UnfitValue();
}

/** Returns what a value must be, and what it is instead, for the end of a sentence. */
export function whatFits(expects: string, value: unknown): string {
  if (typeof value === 'string' && !isWellFormed(value))
    return `${expects} of well-formed Unicode; got one with half of a surrogate pair`;
  return `${expects}; got ${unusable(value) ?? describeKind(value)}`;
}

/** A value of the right type that stands for none. */
function unusable(value: unknown): string | undefined {
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  return types.isDate(value) && Number.isNaN(value.getTime()) ? 'an invalid Date' : undefined;
}

/** Returns whether UTF-8 can encode a text. A lone surrogate would be replaced on the way to the server. */
export function isWellFormed(text: string): boolean {
  return (text as string & { isWellFormed(): boolean }).isWellFormed();
}
/** A stored value. */
export type Stored = string | Buffer;
