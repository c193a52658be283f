import { numberArgument, tableArgument, textArgument } from './library.js';
import { unpack } from './table-library.js';
import { asText, numberIn } from '../lua/conversions.js';
import { LuaError, LuaTable, type LuaFunction, type LuaValue, isTrue, luaType } from '../lua/lua-value.js';

/** `next`, by which `pairs` walks over a table. */
export const next: LuaFunction = (table, key) => tableArgument(table, 1).after(key) ?? [undefined];

const step: LuaFunction = (table, place) => {
  const following = numberArgument(place, 2) + 1;
  const value = tableArgument(table, 1).get(following);
  return value === undefined ? [undefined] : [following, value];
};

const pcall: LuaFunction = (called, ...args) => {
  try {
    if (typeof called !== 'function') throw new LuaError(`attempt to call a ${luaType(called)} value`);
    return [true, ...called(...args)];
  } catch (error) {
    const thrown = thrownBy(error);
    // as servers do: the text of an error reply, not its table
    const reply = thrown instanceof LuaTable ? thrown.get('err') : undefined;
    return [false, typeof reply === 'string' ? reply : thrown];
  }
};

/** Returns what a script sees of an error: an overflow of the stack, say, is text. */
export const thrownBy = (error: unknown): LuaValue =>
  error instanceof LuaError ? error.value : (error as Error).message;

function toNumber(value: LuaValue, base: LuaValue): number | undefined {
  if (base === undefined || base === 10) return typeof value === 'number' ? value : numberIn(textOr(value));
  const radix = numberArgument(base, 2);
  const text = textArgument(value, 1).trim().toLowerCase();
  const digits = text.replace(/^-/, '').replace(radix === 16 ? /^0x/ : /^$/, '');
  const isNumber = digits !== '' && [...digits].every((digit) => Number.parseInt(digit, 36) < radix);
  return isNumber ? Number.parseInt(digits, radix) * (text.startsWith('-') ? -1 : 1) : undefined;
}

const textOr = (value: LuaValue): string => (typeof value === 'string' ? value : '');

function toText(value: LuaValue): string {
  if (value === undefined) return 'nil';
  return asText(value) ?? (typeof value === 'boolean' ? String(value) : `${luaType(value)}: 0x0`);
}

/** The functions of Lua that are in no library. */
export const BASE_LIBRARY: Readonly<Record<string, LuaFunction>> = {
  assert: (...values) => {
    if (isTrue(values[0])) return values;
    throw new LuaError(values.length > 1 ? values[1] : 'assertion failed!');
  },
  error: (value) => {
    throw new LuaError(value);
  },
  ipairs: (table) => [step, tableArgument(table, 1), 0],
  next,
  pairs: (table) => [next, tableArgument(table, 1), undefined],
  pcall,
  rawequal: (one, other) => [one === other],
  rawget: (table, key) => [tableArgument(table, 1).get(key)],
  rawset: (table, key, value) => {
    tableArgument(table, 1).set(key, value);
    return [table];
  },
  select: (which, ...values) => {
    if (which === '#') return [values.length];
    const place = numberArgument(which, 1);
    return values.slice(place < 0 ? place : place - 1);
  },
  tonumber: (value, base) => [toNumber(value, base)],
  tostring: (value) => [toText(value)],
  type: (value) => [luaType(value)],
  unpack,
  xpcall: (called, handler) => {
    const [isOk, ...results] = pcall(called);
    if (isTrue(isOk) || typeof handler !== 'function') return [isOk, ...results];
    return [false, ...handler(...results)];
  },
};
