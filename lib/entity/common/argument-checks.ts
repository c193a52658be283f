import { types } from 'node:util';
import { InvalidArgumentError } from '../../cluster/common/errors.js';

// Checks what TypeScript checks at compile time, for calls from JavaScript and for cast values.

/** @throws InvalidArgumentError */
export function checkObject(name: string, value: unknown): asserts value is object {
  if (typeof value !== 'object' || value === null)
    throw new InvalidArgumentError(name, `${name} must be an object`);
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
  if (!Array.isArray(value)) throw new InvalidArgumentError(name, `${name} must be an array`);
}

/** @throws InvalidArgumentError */
export function checkIterable(name: string, value: unknown): asserts value is Iterable<unknown> {
  if (typeof (value as Iterable<unknown> | undefined)?.[Symbol.iterator] !== 'function')
    throw new InvalidArgumentError(name, `${name} must be an array, a Map or another iterable of pairs`);
}

/** @throws InvalidArgumentError */
export function checkFunction(name: string, value: unknown): void {
  if (typeof value !== 'function') throw new InvalidArgumentError(name, `${name} must be a function`);
}

/** The latest time that a Date can hold, in milliseconds since 1970. */
export const LATEST_DATE_MS = 8.64e15;
