import { types } from 'node:util';
import { suggestionFor } from '../../cluster/common/check-option-names.js';
import { describeKind } from '../../cluster/common/describe-value.js';
import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { UnfitValue, whatFits } from '../codec/codec.js';
import type { FieldSchema, IndexedField } from '../schema/entity-schema.js';
import { indexedAs, presenceOf } from '../schema/indexed-field.js';
import { stringCodec } from '../codec/scalar-codecs.js';
import type { Span } from '../keys/index-entry.js';
import {
  ABSENT_SPAN,
  EVERYTHING,
  after,
  before,
  complement,
  intersection,
  isWithin,
  sorted,
  valueSpan,
} from './spans.js';

/** The condition of a query on one field. */
export interface FieldCondition {
  readonly field: IndexedField;
  /** In the order of the index, without overlaps. */
  readonly spans: readonly Span[];
  /** Whether every span is a single value, so that the index can use its next field. */
  readonly isExact: boolean;
  /** Whether it finds rows without a value, and only these. */
  readonly findsAbsent: boolean;
}

/**
 * Parses a condition.
 *
 * @throws InvalidArgumentError if a value does not have the property's type, or an operator is unknown.
 */
export function readCondition(entity: string, schema: FieldSchema, given: unknown): FieldCondition {
  const refuse = (why: string): InvalidArgumentError =>
    new InvalidArgumentError(schema.property, `${entity}.${schema.property} ${why}`);
  if (given === null) throw refuse(`is null in the query: ${FOR_ABSENT}`);
  if (Array.isArray(given))
    throw refuse(`is an array in the query; ${schema.codec.element ? FOR_ELEMENT : FOR_ANY}`);
  const operators = isOperators(given) ? Object.entries(given) : [['eq', given] as const];
  if (operators.length === 0)
    throw refuse(`is an object without operators in the query: ${LEAVE_OUT}; the operators are ${KNOWN}`);
  const names = operators.map(([name]) => name);
  for (const [name, operand] of operators) {
    if (!Object.hasOwn(OPERATORS, name) && name !== IGNORE_CASE)
      throw refuse(
        `has an unknown operator in the query${suggestionFor(name, NAMES)}; the operators are ${KNOWN}`,
      );
    if (operand === undefined) throw refuse(`has the operator ${name} with undefined: ${LEAVE_OUT}`);
    if (operand === null) throw refuse(`has the operator ${name} with null: ${FOR_ABSENT}`);
    if (
      ALONE.has(name) &&
      names.some((other) => other !== name && !(other === IGNORE_CASE && WITH_CASE.has(name)))
    )
      throw refuse(`has \`${name}\` beside other operators`);
  }
  const form = formOf(operators, schema, refuse);
  const field = names.includes('isNull') ? plainOf(schema) : indexedAs(schema, form);
  if (field?.element && !names.includes('contains')) throw refuse(`is an array: ${FOR_ELEMENT}`);
  if (!field) throw refuse(form === 'elements' ? NO_ELEMENTS : NO_ORDER);
  const encode = (value: unknown): string => {
    const { codec, element = codec } = field;
    try {
      return element.order!(value);
    } catch (error) {
      if (!(error instanceof UnfitValue)) throw error;
      throw refuse(`must be queried by ${whatFits(element.expects, value)}`);
    }
  };
  let spans: readonly Span[] = [EVERYTHING];
  for (const [name, operand] of operators) {
    if (name === IGNORE_CASE) continue;
    const { isMisfit, spansOf } = OPERATORS[name as keyof typeof OPERATORS] as Operator;
    const misfit = isMisfit?.(operand, field);
    if (misfit) throw refuse(misfit);
    const own = spansOf(operand, encode);
    spans = operators.length === 1 && EXACT.has(name) ? own : intersection(spans, own);
  }
  return {
    field,
    spans,
    isExact: names.some((name) => EXACT.has(name)) || isAbsence(operators),
    findsAbsent: isAbsence(operators),
  };
}

const plainOf = (schema: FieldSchema): IndexedField => indexedAs(schema, 'plain') ?? presenceOf(schema);

/** Returns the condition that both of two conditions on one field are met. */
export function bothOf(one: FieldCondition, other: FieldCondition): FieldCondition {
  const spans = one.findsAbsent === other.findsAbsent ? intersection(one.spans, other.spans) : [];
  return { ...one, spans, isExact: one.isExact || other.isExact };
}

/** Returns whether a value meets a condition. An absent value meets only one for absent values. */
export function meets(value: unknown, { field, spans, findsAbsent }: FieldCondition): boolean {
  const isAbsent = value === undefined || value === null;
  if (isAbsent || findsAbsent) return isAbsent && findsAbsent && spans.length > 0;
  return field.encodings(value).some((encoding) => isWithin(spans, before(encoding)));
}

type Encode = (value: unknown) => string;

interface Operator {
  /** Returns what is wrong with an operand, besides its type. */
  isMisfit?(operand: unknown, field: IndexedField): string | false;
  spansOf(operand: unknown, encode: Encode): readonly Span[];
}

const exactly = (values: readonly unknown[], encode: Encode): Span[] =>
  sorted([...new Set(values.map(encode))].map(valueSpan));

const isList =
  (name: string) =>
  (operand: unknown): string | false => {
    if (!Array.isArray(operand))
      return `has ${name === 'in' ? 'an' : 'a'} \`${name}\` that is not an array, but ${describeKind(operand)}`;
    if (operand.includes(undefined))
      return `has ${name === 'in' ? 'an' : 'a'} \`${name}\` with undefined in its list`;
    return operand.includes(null) && `has \`${name}\` with null in its list: ${FOR_ABSENT}`;
  };

const OPERATORS = {
  eq: { spansOf: (value, encode) => exactly([value], encode) },
  in: { isMisfit: isList('in'), spansOf: (values, encode) => exactly(values as unknown[], encode) },
  not: {
    isMisfit: (value) => Array.isArray(value) && 'has a `not` with an array: use { notIn: [...] }',
    spansOf: (value, encode) => complement(exactly([value], encode)),
  },
  notIn: {
    isMisfit: isList('notIn'),
    spansOf: (values, encode) => complement(exactly(values as unknown[], encode)),
  },
  gt: { spansOf: (value, encode) => [{ ...EVERYTHING, from: after(encode(value)) }] },
  gte: { spansOf: (value, encode) => [{ ...EVERYTHING, from: before(encode(value)) }] },
  lt: { spansOf: (value, encode) => [{ ...EVERYTHING, to: before(encode(value)) }] },
  lte: { spansOf: (value, encode) => [{ ...EVERYTHING, to: after(encode(value)) }] },
  between: {
    isMisfit: (pair) =>
      !(Array.isArray(pair) && pair.length === 2) &&
      `has a \`between\` that is not a pair of values, but ${describeKind(pair)}`,
    spansOf: (pair, encode) => {
      const [low, high] = pair as [unknown, unknown];
      return [{ from: before(encode(low)), to: after(encode(high)) }];
    },
  },
  startsWith: {
    isMisfit: (prefix, { isText }) =>
      (!isText && 'does not accept `startsWith`, which is for strings without an enum or a transformer') ||
      (typeof prefix !== 'string' &&
        `has a \`startsWith\` that is not a string, but ${describeKind(prefix)}`),
    spansOf: (prefix, encode) => {
      const from = Buffer.from(encode(prefix));
      return [{ from, to: Buffer.concat([from, EVERYTHING.to]) }];
    },
  },
  contains: {
    isMisfit: (value, { element }) =>
      (!element && NO_ELEMENTS) ||
      (Array.isArray(value) && 'has a `contains` with an array: name one element'),
    spansOf: (value, encode) => exactly([value], encode),
  },
  isNull: {
    isMisfit: (value) =>
      typeof value !== 'boolean' && `has an \`isNull\` that is not true or false, but ${describeKind(value)}`,
    spansOf: (value) => (value === true ? [ABSENT_SPAN] : [EVERYTHING]),
  },
} satisfies Record<string, Operator>;

/** Compares strings without regard to case. It changes the meaning of the operators beside it. */
const IGNORE_CASE = 'ignoreCase';

/** Operators that cannot be combined with others. */
const ALONE: ReadonlySet<string> = new Set(['eq', 'in', 'contains', 'isNull']);
const WITH_CASE: ReadonlySet<string> = new Set(['eq', 'in']);

/** Operators that name single values. */
const EXACT: ReadonlySet<string> = new Set(['eq', 'in', 'contains']);

const NAMES = [...Object.keys(OPERATORS), IGNORE_CASE];
const KNOWN = NAMES.join(', ');

/** The advice for a condition without a value. */
export const LEAVE_OUT = 'leave the property out for no condition';

const FOR_ABSENT = 'to find rows without a value, use { isNull: true }';
const FOR_ANY = 'to match any of several values, use { in: [...] }';
const FOR_ELEMENT = 'to find the arrays with an element, use { contains: element }';
const NO_ORDER = 'cannot be in a query, because its values have no order';
const NO_ELEMENTS = 'does not accept `contains`, which is for arrays of values with an order';

type Operands = readonly (readonly [name: string, operand: unknown])[];

const isAbsence = (operators: Operands): boolean =>
  operators.some(([name, operand]) => name === 'isNull' && operand === true);

/** Returns the form in which an index has the values that operators compare. */
function formOf(
  operators: Operands,
  { codec }: FieldSchema,
  refuse: (why: string) => InvalidArgumentError,
): 'plain' | 'folded' | 'elements' {
  const folding = operators.find(([name]) => name === IGNORE_CASE);
  if (folding) {
    if (folding[1] !== true && folding[1] !== false)
      throw refuse(`has an \`ignoreCase\` that is not true or false, but ${describeKind(folding[1])}`);
    if (codec !== stringCodec)
      throw refuse('does not accept `ignoreCase`, which is for strings without an enum or a transformer');
    if (operators.length === 1) throw refuse('has `ignoreCase` without another operator');
    if (folding[1]) return 'folded';
  }
  return codec.element && !operators.some(([name]) => name === 'isNull') ? 'elements' : 'plain';
}

// Prototypes are no guide: parsers return objects without one, and a Date may belong to another realm.
function isOperators(given: unknown): given is object {
  return typeof given === 'object' && given !== null && !types.isDate(given) && !ArrayBuffer.isView(given);
}
