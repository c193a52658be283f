import { types } from 'node:util';
import { describeKind, describeValue } from '../../cluster/common/describe-value.js';
import { InvalidArgumentError } from '../../cluster/common/errors.js';

// Checks what TypeScript checks at compile time, for calls from JavaScript and for cast values.

/** @throws InvalidArgumentError */
export function checkObject(name: string, value: unknown): asserts value is object {
  if (typeof value !== 'object' || value === null)
    throw new InvalidArgumentError(name, `${name} must be an object, got ${describeKind(value)}`);
  checkAwaited(name, value);
}

/** @throws InvalidArgumentError for a promise, the result of a call without `await`. */
export function checkAwaited(name: string, value: object): void {
  if (types.isPromise(value))
    throw new InvalidArgumentError(
      name,
      `${name} is a promise: add the missing await before the call that returned it`,
    );
}

/** @throws InvalidArgumentError */
export function checkList(name: string, value: unknown): asserts value is readonly unknown[] {
  if (!Array.isArray(value))
    throw new InvalidArgumentError(name, `${name} must be an array, got ${describeKind(value)}`);
}

/** @throws InvalidArgumentError */
export function checkIterable(name: string, value: unknown): asserts value is Iterable<unknown> {
  if (typeof (value as Iterable<unknown> | undefined)?.[Symbol.iterator] !== 'function')
    throw new InvalidArgumentError(
      name,
      `${name} must be an array, a Map or another iterable of pairs, got ${describeKind(value)}`,
    );
}

/** @throws InvalidArgumentError */
export function checkFunction(name: string, value: unknown): void {
  if (typeof value !== 'function')
    throw new InvalidArgumentError(name, `${name} must be a function, got ${describeKind(value)}`);
}

/** @throws InvalidArgumentError */
export function checkFlag(name: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'boolean')
    throw new InvalidArgumentError(name, `${name} must be true or false, got ${describeValue(value)}`);
}

/**
 * Checks a whole number.
 *
 * @param most `Infinity` if the number may be `Infinity`.
 * @throws InvalidArgumentError
 */
export function checkWhole(
  name: string,
  value: unknown,
  least: number,
  most = Number.MAX_SAFE_INTEGER,
  unit = '',
): void {
  const isWhole = Number.isSafeInteger(value) || (value === Infinity && most === Infinity);
  if (isWhole && (value as number) >= least && (value as number) <= most) return;
  const bounds = [
    ...(least === -Infinity ? [] : [` from ${least}`]),
    ...(most === Infinity || most === Number.MAX_SAFE_INTEGER ? [] : [` to ${most}`]),
    ...(most === Infinity ? [' or Infinity'] : []),
  ];
  throw new InvalidArgumentError(
    name,
    `${name} must be a whole number${unit && ` of ${unit}`}${bounds.join('')}, got ${describeValue(value)}`,
  );
}

/** The latest time that a Date can hold, in milliseconds since 1970. */
export const LATEST_DATE_MS = 8.64e15;
