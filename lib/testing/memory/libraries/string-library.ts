import { libraryOf, numberArgument, textArgument } from './library.js';
import { type PatternMatch, matchFrom, patternOf } from './pattern.js';
import { formatText } from './string-format.js';
import { asText } from '../lua/conversions.js';
import { LuaTable, LuaError, type LuaFunction, type LuaValue, isTrue, luaType } from '../lua/lua-value.js';

/** Returns a place in text, from 0; negative ones count from the end. */
function startOf(value: LuaValue, length: number): number {
  const place = Math.trunc(numberArgument(value, 3, 1));
  return place < 0 ? Math.max(0, length + place) : Math.min(length, Math.max(0, place - 1));
}

function sub(text: string, from: number, to: number): string {
  const start = from < 0 ? Math.max(0, text.length + from) : Math.max(0, from - 1);
  return text.slice(start, to < 0 ? Math.max(0, text.length + to + 1) : to);
}

function find(text: string, wanted: string, from: LuaValue, isPlain: LuaValue): readonly LuaValue[] {
  const start = startOf(from, text.length);
  if (isTrue(isPlain) || !/[\^$*+?.([%-]/.test(wanted)) {
    const at = text.indexOf(wanted, start);
    return at < 0 ? [undefined] : [at + 1, at + wanted.length];
  }
  const { anywhere, positions } = patternOf(wanted);
  const match = matchFrom(anywhere, positions, text, start);
  if (!match) return [undefined];
  return [match.start + 1, match.end, ...(positions.length > 0 ? match.captures : [])];
}

const match: LuaFunction = (given, wanted, from) => {
  const text = textArgument(given, 1);
  const { anywhere, positions } = patternOf(textArgument(wanted, 2));
  const start = startOf(from, text.length);
  return matchFrom(anywhere, positions, text, start)?.captures ?? [undefined];
};

const gmatch: LuaFunction = (given, wanted) => {
  const text = textArgument(given, 1);
  const { anywhere, positions } = patternOf(textArgument(wanted, 2));
  let from = 0;
  return [
    () => {
      const found = from <= text.length ? matchFrom(anywhere, positions, text, from) : undefined;
      if (!found) return [undefined];
      from = found.end === found.start ? found.end + 1 : found.end;
      return found.captures;
    },
  ];
};

/** Returns what takes the place of a match: text with `%1`, the value in a table, or the result of a function. */
function replacementOf(by: LuaValue, whole: string, { captures }: PatternMatch): string {
  if (typeof by === 'string' || typeof by === 'number')
    return (asText(by) as string).replace(/%([^])/g, (_, sign: string) => {
      if (sign === '0') return whole;
      if (!/\d/.test(sign)) return sign;
      if (captures[Number(sign) - 1] === undefined) throw new LuaError('invalid capture index');
      return String(captures[Number(sign) - 1]);
    });
  if (typeof by !== 'function' && !(by instanceof LuaTable))
    throw new LuaError("bad argument #3 to 'gsub' (string/function/table expected)");
  const value = by instanceof LuaTable ? by.get(captures[0]) : by(...captures)[0];
  if (!isTrue(value)) return whole;
  const text = asText(value);
  if (text === undefined) throw new LuaError(`invalid replacement value (a ${luaType(value)})`);
  return text;
}

const gsub: LuaFunction = (given, wanted, by, limit) => {
  const text = textArgument(given, 1);
  const { here, positions, isAnchored } = patternOf(textArgument(wanted, 2));
  const most = numberArgument(limit, 4, Infinity);
  let [result, at, count] = ['', 0, 0];
  while (count < most) {
    const found = matchFrom(here, positions, text, at);
    if (found) {
      count++;
      result += replacementOf(by, text.slice(found.start, found.end), found);
    }
    if (found && found.end > at) at = found.end;
    else if (at < text.length) result += text[at++];
    else break;
    if (isAnchored) break;
  }
  return [result + text.slice(at), count];
};

export const STRING_LIBRARY: LuaTable = libraryOf({
  byte(given, first, last) {
    const text = textArgument(given, 1);
    const from = numberArgument(first, 2, 1);
    return Array.from(sub(text, from, numberArgument(last, 3, from)), (char) => char.charCodeAt(0));
  },
  char: (...codes) => [String.fromCharCode(...codes.map((code, i) => numberArgument(code, i + 1)))],
  find: (text, wanted, from, plain) => find(textArgument(text, 1), textArgument(wanted, 2), from, plain),
  format: (format, ...values) => [formatText(textArgument(format, 1), values)],
  gmatch,
  gsub,
  len: (text) => [textArgument(text, 1).length],
  lower: (text) => [textArgument(text, 1).replace(/[A-Z]+/g, (letters) => letters.toLowerCase())],
  match,
  rep: (text, count) => [textArgument(text, 1).repeat(Math.max(0, Math.trunc(numberArgument(count, 2))))],
  reverse: (text) => [[...textArgument(text, 1)].reverse().join('')],
  sub: (text, from, to) => [
    sub(textArgument(text, 1), Math.trunc(numberArgument(from, 2)), Math.trunc(numberArgument(to, 3, -1))),
  ],
  upper: (text) => [textArgument(text, 1).replace(/[a-z]+/g, (letters) => letters.toUpperCase())],
});
