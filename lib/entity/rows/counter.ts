import { describeValue } from '../../cluster/common/describe-value.js';
import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { COUNTER_DIGITS } from '../common/counter-digits.js';
import { SchemaMismatchError } from '../common/entity-errors.js';
import type { EntityKey } from '../keys/entity-key.js';
import type { CounterSchema, EntitySchema } from '../schema/entity-schema.js';

/**
 * Returns the counter with a name.
 *
 * @throws InvalidArgumentError if there is none.
 */
export function counterOf(schema: EntitySchema, property: string): CounterSchema {
  const counter = schema.counters.find((known) => known.property === property);
  if (!counter) throw new InvalidArgumentError(property, noCounter(schema, property));
  return counter;
}

function noCounter({ name, counters }: EntitySchema, property: string): string {
  const known = counters.map((counter) => counter.property).join(', ');
  const remedy = known === '' ? 'declare it with @Counter()' : `known are ${known}`;
  return `${name} has no counter '${property}'; ${remedy}`;
}

/**
 * Checks the step of an increment.
 *
 * @throws InvalidArgumentError if the property is not a counter, or the step is not a whole number within bounds.
 */
export function counterStep(schema: EntitySchema, property: string, by: number | bigint): bigint {
  counterOf(schema, property);
  const whole = typeof by === 'bigint' || Number.isSafeInteger(by);
  if (whole && String(by).replace('-', '').length <= COUNTER_DIGITS) return BigInt(by);
  throw new InvalidArgumentError(
    property,
    `${schema.name}.${property} must be incremented by a whole number of at most ${COUNTER_DIGITS} digits, got ${describeValue(by)}`,
  );
}

/**
 * Parses the value of a counter. The text is empty if the counter was never incremented.
 *
 * @throws SchemaMismatchError
 */
export function counterValue(
  schema: EntitySchema,
  key: EntityKey,
  { property, bigint }: CounterSchema,
  text: string,
): number | bigint {
  const mismatch = (expected: string): Error =>
    new SchemaMismatchError(schema.name, property, key.row, expected);
  if (!/^(-?\d+)?$/.test(text)) throw mismatch('a whole number');
  if (bigint) return BigInt(text);
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw mismatch('a safe integer (declare the counter as bigint)');
  return value;
}

/** Returns a step as the scripts expect it. 'n' marks a bigint, whose sums have other bounds. */
export const stepText = (schema: EntitySchema, property: string, by: bigint): string =>
  `${by}${counterOf(schema, property).bigint ? 'n' : ''}`;
