import { libraryOf, numberArgument, tableArgument, textArgument } from './library.js';
import { asText } from '../lua/conversions.js';
import {
  type LuaTable,
  LuaError,
  type LuaFunction,
  type LuaValue,
  isTrue,
  luaType,
} from '../lua/lua-value.js';

const concat: LuaFunction = (given, separator, from, to) => {
  const table = tableArgument(given, 1);
  const last = numberArgument(to, 4, table.length);
  const parts: string[] = [];
  for (let i = numberArgument(from, 3, 1); i <= last; i++) {
    const text = asText(table.get(i));
    if (text === undefined)
      throw new LuaError(`invalid value (${luaType(table.get(i))}) at index ${i} in table for 'concat'`);
    parts.push(text);
  }
  return [parts.join(separator === undefined ? '' : textArgument(separator, 2))];
};

const insert: LuaFunction = (...args) => {
  const table = tableArgument(args[0], 1);
  const [place, value] =
    args.length > 2 ? [numberArgument(args[1], 2), args[2]] : [table.length + 1, args[1]];
  for (let i = table.length + 1; i > place; i--) table.set(i, table.get(i - 1));
  table.set(place, value);
  return [];
};

const remove: LuaFunction = (given, at) => {
  const table = tableArgument(given, 1);
  const { length } = table;
  const place = numberArgument(at, 2, length);
  if (place < 1 || place > length) return [];
  const removed = table.get(place);
  for (let i = place; i < length; i++) table.set(i, table.get(i + 1));
  table.set(length, undefined);
  return [removed];
};

const sort: LuaFunction = (given, before) => {
  const table = tableArgument(given, 1);
  const isBefore =
    typeof before === 'function' ? (a: LuaValue, b: LuaValue) => isTrue(before(a, b)[0]) : less;
  table.list.sort((a, b) => (isBefore(a, b) ? -1 : isBefore(b, a) ? 1 : 0));
  return [];
};

function less(a: LuaValue, b: LuaValue): boolean {
  if ((typeof a === 'number' && typeof b === 'number') || (typeof a === 'string' && typeof b === 'string'))
    return a < b;
  throw new LuaError(`attempt to compare ${luaType(a)} with ${luaType(b)}`);
}

/** `unpack`, which returns the values of a list. */
export const unpack: LuaFunction = (given, from, to) => {
  const table = tableArgument(given, 1);
  const first = numberArgument(from, 2, 1);
  const last = numberArgument(to, 3, table.length);
  const values: LuaValue[] = [];
  for (let i = first; i <= last; i++) values.push(table.get(i));
  return values;
};

export const TABLE_LIBRARY: LuaTable = libraryOf({
  concat,
  getn: (table) => [tableArgument(table, 1).length],
  insert,
  maxn: (table) => [
    [...tableArgument(table, 1).pairs()].reduce(
      (most, [key]) => (typeof key === 'number' && key > most ? key : most),
      0,
    ),
  ],
  remove,
  sort,
});
