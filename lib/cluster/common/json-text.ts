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

/** Deeper parts of a value are not searched for what JSON cannot represent. */
const MOST_LEVELS = 100;

/**
 * What in an object JSON cannot represent, such as `a bigint`, for errors; undefined if that is not found. It names
 * only kinds, as values and properties may be secret. Never throws.
 */
export function unfitForJson(value: unknown): string | undefined {
  try {
    return unfitPart(value, []);
  } catch {
    return undefined; // of a getter
  }
}

function unfitPart(value: unknown, above: readonly unknown[]): string | undefined {
  if (value === undefined) return Array.isArray(above.at(-1)) ? 'undefined in a list' : undefined;
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : String(value);
  if (typeof value !== 'object' || value === null)
    return typeof value === 'bigint' || !survives(value) ? `a ${typeof value}` : undefined;
  if (above.includes(value)) return 'a reference to itself';
  if (!Array.isArray(value) && !isPlain(value) && !hasJson(value)) return kindOf(value);
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function' || above.length === MOST_LEVELS)
    return undefined;
  const inside = [...above, value];
  for (const part of Object.values(value)) {
    const unfit = unfitPart(part, inside);
    if (unfit !== undefined) return unfit;
  }
  return undefined;
}

function kindOf(value: object): string {
  if (types.isDate(value)) return 'an invalid Date';
  return isThenable(value)
    ? 'a promise, for want of an await'
    : 'an object such as a Map, a Buffer or an Error';
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
