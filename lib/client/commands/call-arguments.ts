import { types } from 'node:util';
import { InvalidArgumentError } from '../../cluster/common/errors.js';
import type { Argument } from '../../cluster/protocol/request-encoder.js';
import { describeKind } from '../../cluster/common/describe-value.js';

/** A Node-style callback, as ioredis takes it behind the arguments of any command. */
export type Callback = (error: Error | null, reply?: unknown) => void;

/** Commands that also take an object or Map of pairs, with the index at which it may stand; as in ioredis. */
const PAIRS_AT: ReadonlyMap<string, number> = new Map([
  ['mset', 0],
  ['msetnx', 0],
  ['hset', 1],
  ['hmset', 1],
]);

/**
 * Brings the arguments of a call, as callers of ioredis give them, into the form in which they are sent:
 * arrays are flattened by one level, pairs written out, numbers written as text. What is as it has to be is taken as it is.
 * @throws InvalidArgumentError for what has no sensible text: undefined, null, NaN, objects, functions
 */
export function normalizeArguments(command: string, args: unknown[]): Argument[] {
  for (let i = 0; i < args.length; i++) if (typeof args[i] !== 'string') return normalized(command, args);
  return args as string[];
}

function normalized(command: string, args: unknown[]): Argument[] {
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

/** Splits a trailing callback off the arguments. */
export function takeCallback(args: unknown[]): Callback | undefined {
  return typeof args[args.length - 1] === 'function' ? (args.pop() as Callback) : undefined;
}

/** Tells a callback. What it throws is nobody's reply, and goes to `uncaughtException`, as with ioredis. */
export function notify(callback: Callback, error: Error | null, reply?: unknown): void {
  try {
    callback(error, reply);
  } catch (thrown) {
    process.nextTick(() => {
      throw thrown;
    });
  }
}

/** Tells a callback what a promise tells. */
export function notifyOf(promise: Promise<unknown>, callback: Callback): void {
  promise.then(
    (reply) => notify(callback, null, reply),
    (error: Error) => notify(callback, error),
  );
}

/** Runs a call whose arguments may end with a callback, which is told what the promise tells. */
export function withCallback(args: unknown[], run: () => Promise<unknown>): Promise<unknown> {
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

// Redis writes infinities its own way, in ranges of scores for one, and takes no integer with an exponent
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
