import { asNumber, asText } from '../lua/conversions.js';
import { LuaTable, LuaError, type LuaFunction, type LuaValue, luaType } from '../lua/lua-value.js';

/** Returns a table of functions. */
export function libraryOf(functions: Readonly<Record<string, LuaFunction | number>>): LuaTable {
  const table = new LuaTable();
  for (const [name, value] of Object.entries(functions)) table.set(name, value);
  return table;
}

const wrong = (place: number, expected: string, value: LuaValue): LuaError =>
  new LuaError(
    `bad argument #${place} (${expected} expected, got ${value === undefined ? 'no value' : luaType(value)})`,
  );

/** Returns an argument as text. @throws LuaError */
export function textArgument(value: LuaValue, place: number): string {
  const text = asText(value);
  if (text === undefined) throw wrong(place, 'string', value);
  return text;
}

/** Returns an argument as a number. @throws LuaError */
export function numberArgument(value: LuaValue, place: number, fallback?: number): number {
  if (value === undefined && fallback !== undefined) return fallback;
  const number = asNumber(value);
  if (number === undefined) throw wrong(place, 'number', value);
  return number;
}

/** Returns an argument as a table. @throws LuaError */
export function tableArgument(value: LuaValue, place: number): LuaTable {
  if (!(value instanceof LuaTable)) throw wrong(place, 'table', value);
  return value;
}
