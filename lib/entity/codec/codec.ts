import { isUtf8 } from 'node:buffer';
import { describeKind } from '../../cluster/common/describe-value.js';

/**
 * How the values of one type become the bytes of a row's field, and back. Absent values (null, undefined) never reach
 * a codec: they are absent fields.
 */
export interface Codec<T = unknown> {
  /** What is stored, for the schema record: types of one form can read each other's values. Names are never changed. */
  readonly form: 'text' | 'number' | 'bigint' | 'boolean' | 'date' | 'bytes' | 'json';
  /** What a value must be, for messages: 'a bigint'. */
  readonly expects: string;
  /** Whether a value can only change by being replaced, so that comparing by `===` notices every change. */
  readonly immutable: boolean;
  /** @throws UnfitValue where the value is not of the type. */
  encode(value: T): string | Buffer;
  /**
   * Any error means that the field does not hold the type.
   *
   * @param stored its bytes, or, unless they are the form, text that was read from well-formed bytes.
   */
  decode(stored: Buffer | string): T;
  /** The value as part of a JSON document (an element of an array, a property of an embedded value). */
  toJson(value: T): unknown;
  fromJson(json: unknown): T;
  /**
   * Whether two values are the same, for those whose texts differ: of one value there may be many (the order of keys,
   * white space, a nonce). Where that cannot be known, they are not.
   */
  isSame(a: T, b: T): boolean;
  /** Text that sorts bytewise as the values do; types without one cannot be indexed. */
  order?(value: T): string;
  /** What that text is made of, where the form does not tell. A change means that indexes have to be rebuilt. */
  readonly orderForm?: string;
}

/** A value that is not of its property's type. It carries nothing: whoever knows the property words the error. */
export class UnfitValue extends Error {}

/** What is stored as text. Bytes that are none are refused: they would be replaced silently. */
export function textOf(stored: Buffer | string): string {
  if (typeof stored === 'string') return stored;
  fit(isUtf8(stored));
  return stored.toString();
}

/** Refuses what does not fit. */
export function fit(condition: boolean): asserts condition {
  if (!condition) throw new UnfitValue();
}

/** What a value must be, and what it was: for the end of a sentence. */
export function whatFits(expects: string, value: unknown): string {
  if (typeof value === 'string' && !isWellFormed(value))
    return `${expects} of well-formed Unicode; got one with half of a surrogate pair`;
  return `${expects}; got ${describeKind(value)}`;
}

/** True for text that UTF-8 can hold: a lone surrogate would be replaced on its way to the server. */
export function isWellFormed(text: string): boolean {
  return (text as string & { isWellFormed(): boolean }).isWellFormed();
}
/** A stored value. */
export type Stored = string | Buffer;
