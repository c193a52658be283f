import { types } from 'node:util';

/**
 * Returns whether two values are the same, whatever the order of their keys: primitives, Dates, bytes, and arrays and
 * plain objects of them. An object of any other class equals only itself, because it may have hidden state.
 */
export function isSamePlain(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (types.isDate(a)) return types.isDate(b) && a.getTime() === b.getTime();
  if (types.isUint8Array(a)) return types.isUint8Array(b) && Buffer.compare(a, b) === 0;
  if (Array.isArray(a) || Array.isArray(b))
    return (
      Array.isArray(a) &&
      Array.isArray(b) &&
      a.length === b.length &&
      a.every((item, i) => isSamePlain(item, b[i]))
    );
  if (!isPlain(a) || !isPlain(b)) return false;
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => Object.hasOwn(b, name) && isSamePlain(Reflect.get(a, name), Reflect.get(b, name)))
  );
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
