import { types } from 'node:util';

/**
 * Returns a value as JSON; undefined if JSON cannot represent all of it. `JSON.stringify` would change such
 * values silently: it turns a promise, a Map or an error into `{}`, NaN and holes in lists into null, and omits
 * functions.
 *
 * Never throws, as the engine's messages may contain parts of the value.
 */
export function toJsonText(value: unknown): string | undefined {
  try {
    const text = JSON.stringify(value) as string | undefined; // first: it finds cycles
    return text !== undefined && survives(value) ? text : undefined;
  } catch {
    return undefined;
  }
}

function survives(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value === 'function' || typeof value === 'symbol') return false;
  if (typeof value !== 'object' || value === null) return true;
  if (Array.isArray(value)) {
    for (const item of value as unknown[]) if (item === undefined || !survives(item)) return false;
    return true;
  }
  if (!isPlain(value) && !hasJson(value)) return false;
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function') return true; // the class says what its JSON is
  for (const part of Object.values(value)) if (!survives(part)) return false;
  return true;
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Whether an object of a class is described by its own properties, or by its `toJSON`. */
function hasJson(value: object): boolean {
  if (types.isDate(value)) return !Number.isNaN(value.getTime()); // JSON of an invalid one is null
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function') return true;
  return !WITHOUT_JSON.some((isOne) => isOne(value));
}

const isThenable = (value: object): boolean => typeof (value as { then?: unknown }).then === 'function';

const WITHOUT_JSON: readonly ((value: object) => boolean)[] = [
  isThenable,
  types.isMap,
  types.isSet,
  types.isWeakMap,
  types.isWeakSet,
  types.isRegExp,
  types.isNativeError,
  types.isAnyArrayBuffer,
  (value) => ArrayBuffer.isView(value),
];
