import { types } from 'node:util';
import { nextTick } from '../../cluster/common/timers.js';
import { InvalidArgumentError } from '../../cluster/common/errors.js';
import type { Argument } from '../../cluster/protocol/request-encoder.js';
import { describeKind } from '../../cluster/common/describe-value.js';

/** A Node-style callback, which any command takes after its arguments, as in ioredis. */
export type Callback = (error: Error | null, reply?: unknown) => void;

/** Commands that also take an object or Map of pairs, as in ioredis, with the index of that argument. */
const PAIRS_AT: ReadonlyMap<string, number> = new Map([
  ['mset', 0],
  ['msetnx', 0],
  ['hset', 1],
  ['hmset', 1],
]);

/**
 * Converts the arguments of a call, as in ioredis, to the form in which they are sent. Flattens arrays by one
 * level, expands pairs, and writes numbers as text. Returns arguments that need no conversion unchanged.
 * @throws InvalidArgumentError for a value without a sensible text: undefined, null, NaN, an object, a
 *   function
 */
export function normalizeArguments(command: string, args: unknown[]): Argument[] {
  for (let i = 0; i < args.length; i++) if (typeof args[i] !== 'string') return normalized(command, args);
  return args as string[];
}

function normalized(command: string, args: unknown[]): Argument[] {
  const [first] = args;
  if (args.length === 1 && Array.isArray(first) && areTexts(first)) return first.slice();
  const pairsAt = PAIRS_AT.get(command);
  const plain = pairsAt !== undefined && args.length === pairsAt + 1 ? withPairs(args, pairsAt) : args;
  const flat: Argument[] = [];
  const add = (value: unknown): void => {
    flat.push(typeof value === 'string' ? value : toArgument(command, value, flat.length));
  };
  for (const value of plain) {
    if (Array.isArray(value)) for (const item of value) add(item);
    else add(value);
  }
  return flat;
}

function areTexts(values: readonly unknown[]): values is readonly string[] {
  for (let i = 0; i < values.length; i++) if (typeof values[i] !== 'string') return false;
  return true;
}

/** Removes a trailing callback from the arguments and returns it. */
export function takeCallback(args: unknown[]): Callback | undefined {
  return typeof args[args.length - 1] === 'function' ? (args.pop() as Callback) : undefined;
}

/** Calls a callback. An error that it throws goes to `uncaughtException`, as in ioredis. */
export function notify(callback: Callback, error: Error | null, reply?: unknown): void {
  try {
    callback(error, reply);
  } catch (thrown) {
    nextTick(() => {
      throw thrown;
    });
  }
}

/** Calls a callback when a promise settles. */
export function notifyOf(promise: Promise<unknown>, callback: Callback): void {
  promise.then(
    (reply) => notify(callback, null, reply),
    (error: Error) => notify(callback, error),
  );
}

/** Runs a call, and calls the callback at the end of its arguments, if any, when the promise settles. */
export function withCallback<T>(args: unknown[], run: () => Promise<T>): Promise<T> {
  const callback = takeCallback(args);
  const promise = run();
  if (callback !== undefined) notifyOf(promise, callback);
  return promise;
}

function toArgument(command: string, value: unknown, index: number): Argument {
  if (Buffer.isBuffer(value)) return value;
  if (typeof value === 'number' && !Number.isNaN(value)) return numberText(value);
  if (typeof value === 'bigint' || typeof value === 'boolean') return String(value);
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  const came = Array.isArray(value)
    ? 'a nested array'
    : types.isDate(value)
      ? 'a Date'
      : typeof value === 'number'
        ? 'NaN'
        : describeKind(value);
  throw new InvalidArgumentError(
    `arguments[${index}]`,
    `Argument ${index + 1} of ${command} is ${came}; a string, number, bigint, boolean or Buffer is expected`,
  );
}

// Redis has its own text for infinities (as in ranges of scores), and takes no integer with an exponent
function numberText(value: number): string {
  if (value === Infinity) return '+inf';
  if (value === -Infinity) return '-inf';
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? String(BigInt(value)) : String(value);
}

function withPairs(args: unknown[], at: number): unknown[] {
  const pairs = args[at];
  if (types.isMap(pairs)) return [...args.slice(0, at), ...[...pairs].flat()];
  if (typeof pairs !== 'object' || pairs === null || Array.isArray(pairs) || ArrayBuffer.isView(pairs))
    return args;
  return [...args.slice(0, at), ...Object.entries(pairs).flat()];
}
