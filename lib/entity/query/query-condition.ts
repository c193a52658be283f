import { types } from 'node:util';
import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { UnfitValue } from '../codec/codec.js';
import type { IndexedField } from '../schema/entity-schema.js';
import { stringCodec } from '../codec/scalar-codecs.js';
import type { Span } from '../keys/index-entry.js';

/** What a query may demand of an indexed property: a value, or operators, which must all hold. */
export type Condition<Value> = Value | Operators<Value>;

interface AnyOperator<Value> {
  /**
   * Exactly this value; stands alone. The same as the bare value, but never read as operators: use it for values that
   * came from outside, such as a parsed request body.
   */
  readonly eq?: Value;
  readonly gt?: Value;
  readonly gte?: Value;
  readonly lt?: Value;
  readonly lte?: Value;
  /** From the first to the second, both included. */
  readonly between?: readonly [Value, Value];
  /** For strings that are stored as they are: neither an enum's, nor a transformer's. */
  readonly startsWith?: string extends Value ? string : never;
  /** Any of these values; stands alone. */
  readonly in?: readonly Value[];
}

type Alone<Value, Name extends 'eq' | 'in'> = Required<Pick<AnyOperator<Value>, Name>> & {
  readonly [Other in Exclude<keyof AnyOperator<Value>, Name>]?: never;
};

/** Operators of a query. An object that is no Date, Buffer or array is read as operators, wherever it came from. */
export type Operators<Value> =
  | Alone<Value, 'eq'>
  | Alone<Value, 'in'>
  | (Omit<AnyOperator<Value>, 'eq' | 'in'> & { readonly eq?: never; readonly in?: never });

/** What a query demands of one field. */
export interface FieldCondition {
  readonly field: IndexedField;
  /** In the order of the index; none overlap. */
  readonly spans: readonly Span[];
  /** Whether every span is one value, so that an index can go on to its next field. */
  readonly isExact: boolean;
}

/**
 * Reads a condition.
 *
 * @throws InvalidArgumentError for values that are not of the property's type, and for unknown operators.
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

/** Whether a value, null where it is absent, meets a condition. */
export function meets(value: unknown, { field, spans }: FieldCondition): boolean {
  if (value === undefined || value === null) return false;
  const encoded = Buffer.from(`${field.codec.order(value)}\0`);
  return spans.some(({ from, to }) => Buffer.compare(from, encoded) <= 0 && Buffer.compare(encoded, to) < 0);
}

// An entry ends in a zero byte, which no encoding holds: after it come the entries of the next value at once, with a
// byte of 1 or more in its place. No UTF-8 holds a byte of 255.
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

/** Operators that no other can stand beside. */
const ALONE: ReadonlySet<string> = new Set(['eq', 'in']);

const KNOWN = [...ALONE, ...Object.keys(OPERATORS)].join(', ');

/** What to do with a condition that may be absent. */
export const LEAVE_OUT = 'leave the property out for no condition';

// Prototypes say nothing: parsers give objects without one, and a Date may be of another realm.
function isOperators(given: unknown): given is object {
  return typeof given === 'object' && given !== null && !types.isDate(given) && !ArrayBuffer.isView(given);
}

function intersection(a: Span, b: Span): Span {
  return {
    from: Buffer.compare(a.from, b.from) < 0 ? b.from : a.from,
    to: Buffer.compare(a.to, b.to) < 0 ? a.to : b.to,
  };
}
