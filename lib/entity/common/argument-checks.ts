import { types } from 'node:util';
import { InvalidArgumentError } from '../../cluster/common/errors.js';

// What TypeScript would refuse, told as what it is: calls also come from JavaScript, and from values that were cast.

/** @throws InvalidArgumentError */
export function checkObject(name: string, value: unknown): asserts value is object {
  if (typeof value !== 'object' || value === null)
    throw new InvalidArgumentError(name, `${name} must be an object`);
  checkAwaited(name, value);
}

/** @throws InvalidArgumentError for a promise, which is what a call gives without `await`. */
export function checkAwaited(name: string, value: object): void {
  if (types.isPromise(value))
    throw new InvalidArgumentError(
      name,
      `${name} is a promise: an await is missing before the call that made it`,
    );
}

/** @throws InvalidArgumentError */
export function checkList(name: string, value: unknown): asserts value is readonly unknown[] {
  if (!Array.isArray(value)) throw new InvalidArgumentError(name, `${name} must be an array`);
}

/** The latest time that a Date can hold, in milliseconds since 1970. */
export const LATEST_DATE_MS = 8.64e15;
