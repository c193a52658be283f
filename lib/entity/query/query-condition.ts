import { types } from 'node:util';
import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { UnfitValue } from '../codec/codec.js';
import type { IndexedField } from '../schema/entity-schema.js';
import { stringCodec } from '../codec/scalar-codecs.js';
import type { Span } from '../keys/index-entry.js';

/** A condition on an indexed property: a value, or operators, all of which must hold. */
export type Condition<Value> = Value | Operators<Value>;

interface AnyOperator<Value> {
  /**
   * Exactly this value; it cannot be combined with other operators. Unlike the bare value, it is never read as
   * operators: use it for untrusted values, such as those of a parsed request body.
   */
  readonly eq?: Value;
  readonly gt?: Value;
  readonly gte?: Value;
  readonly lt?: Value;
  readonly lte?: Value;
  /** From the first value to the second, both included. */
  readonly between?: readonly [Value, Value];
  /** Only for strings without an enum or a transformer. */
  readonly startsWith?: string extends Value ? string : never;
  /** Any of these values; it cannot be combined with other operators. */
  readonly in?: readonly Value[];
}

type Alone<Value, Name extends 'eq' | 'in'> = Required<Pick<AnyOperator<Value>, Name>> & {
  readonly [Other in Exclude<keyof AnyOperator<Value>, Name>]?: never;
};

/** Operators of a query. Any object other than a Date, Buffer or array is read as operators, wherever it came from. */
export type Operators<Value> =
  | Alone<Value, 'eq'>
  | Alone<Value, 'in'>
  | (Omit<AnyOperator<Value>, 'eq' | 'in'> & { readonly eq?: never; readonly in?: never });

/** The condition of a query on one field. */
export interface FieldCondition {
  readonly field: IndexedField;
  /** In the order of the index, without overlaps. */
  readonly spans: readonly Span[];
  /** Whether every span is a single value, so that the index can use its next field. */
  readonly isExact: boolean;
}

/**
 * Parses a condition.
 *
 * @throws InvalidArgumentError if a value does not have the property's type, or an operator is unknown.
 */
export function readCondition(entity: string, field: IndexedField, given: unknown): FieldCondition {
  const refuse = (why: string): InvalidArgumentError =>
    new InvalidArgumentError(field.property, `${entity}.${field.property} ${why}`);
  const encode = (value: unknown): string => {
    try {
      return field.codec.order(value);
    } catch (error) {
      if (!(error instanceof UnfitValue)) throw error;
      throw refuse(`must be queried by ${field.codec.expects}`);
    }
  };
  const exactly = (values: readonly unknown[]): FieldCondition => {
    const spans = [...new Set(values.map(encode))].map(valueSpan);
    return { field, spans: spans.sort((a, b) => Buffer.compare(a.from, b.from)), isExact: true };
  };
  if (given === null) throw refuse('is null in the query: rows without a value are not in the index');
  if (Array.isArray(given))
    throw refuse('is an array in the query; to match any of several values, use { in: [...] }');
  if (!isOperators(given)) return exactly([given]);
  const operators = Object.entries(given);
  if (operators.length === 0)
    throw refuse(`is an object without operators in the query: ${LEAVE_OUT}; the operators are ${KNOWN}`);
  for (const [name, operand] of operators) {
    if (!Object.hasOwn(OPERATORS, name) && !ALONE.has(name))
      throw refuse(`has an unknown operator in the query; the operators are ${KNOWN}`);
    if (operand === undefined) throw refuse(`has the operator ${name} with undefined: ${LEAVE_OUT}`);
    if (ALONE.has(name) && operators.length > 1) throw refuse(`has \`${name}\` beside other operators`);
  }
  const [first, only] = operators[0];
  if (first === 'eq') return exactly([only]);
  if (first === 'in') {
    if (!Array.isArray(only)) throw refuse('has an `in` that is not an array');
    if (only.includes(undefined)) throw refuse(`has an \`in\` with undefined in its list`);
    return exactly(only);
  }
  let whole: Span = EVERYTHING;
  for (const [name, operand] of operators) {
    if (name === 'startsWith' && field.codec !== stringCodec)
      throw refuse('does not accept `startsWith`, which is for strings without an enum or a transformer');
    if (name === 'startsWith' && typeof operand !== 'string')
      throw refuse('has a `startsWith` that is not a string');
    if (name === 'between' && !(Array.isArray(operand) && operand.length === 2))
      throw refuse('has a `between` that is not a pair of values');
    whole = intersection(whole, OPERATORS[name as keyof typeof OPERATORS](operand as never, encode));
  }
  return { field, spans: Buffer.compare(whole.from, whole.to) < 0 ? [whole] : [], isExact: false };
}

/** Returns whether a value meets a condition; an absent value does not. */
export function meets(value: unknown, { field, spans }: FieldCondition): boolean {
  if (value === undefined || value === null) return false;
  const encoded = Buffer.from(`${field.codec.order(value)}\0`);
  return spans.some(({ from, to }) => Buffer.compare(from, encoded) <= 0 && Buffer.compare(encoded, to) < 0);
}

// An encoding is followed by a zero byte, which no encoding contains. Entries of longer or greater encodings have a
// byte of 1 or more in its place, so they sort after it. UTF-8 never contains the byte 255.
const EVERYTHING: Span = { from: Buffer.alloc(0), to: Buffer.from([0xff]) };
const before = (encoding: string): Buffer => Buffer.from(`${encoding}\0`);
const after = (encoding: string): Buffer => Buffer.from(`${encoding}\x01`);
const valueSpan = (encoding: string): Span => ({ from: before(encoding), to: after(encoding) });

type Encode = (value: unknown) => string;

const OPERATORS = {
  gt: (value: unknown, encode: Encode): Span => ({ ...EVERYTHING, from: after(encode(value)) }),
  gte: (value: unknown, encode: Encode): Span => ({ ...EVERYTHING, from: before(encode(value)) }),
  lt: (value: unknown, encode: Encode): Span => ({ ...EVERYTHING, to: before(encode(value)) }),
  lte: (value: unknown, encode: Encode): Span => ({ ...EVERYTHING, to: after(encode(value)) }),
  between: ([low, high]: [unknown, unknown], encode: Encode): Span => ({
    from: before(encode(low)),
    to: after(encode(high)),
  }),
  startsWith: (prefix: string, encode: Encode): Span => ({
    from: Buffer.from(encode(prefix)),
    to: Buffer.concat([Buffer.from(encode(prefix)), EVERYTHING.to]),
  }),
};

/** Operators that cannot be combined with others. */
const ALONE: ReadonlySet<string> = new Set(['eq', 'in']);

const KNOWN = [...ALONE, ...Object.keys(OPERATORS)].join(', ');

/** The advice for a condition without a value. */
export const LEAVE_OUT = 'leave the property out for no condition';

// Prototypes are no guide: parsers return objects without one, and a Date may belong to another realm.
function isOperators(given: unknown): given is object {
  return typeof given === 'object' && given !== null && !types.isDate(given) && !ArrayBuffer.isView(given);
}

function intersection(a: Span, b: Span): Span {
  return {
    from: Buffer.compare(a.from, b.from) < 0 ? b.from : a.from,
    to: Buffer.compare(a.to, b.to) < 0 ? a.to : b.to,
  };
}
