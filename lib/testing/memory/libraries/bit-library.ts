import { libraryOf, numberArgument } from './library.js';
import type { LuaFunction, LuaTable, LuaValue } from '../lua/lua-value.js';

const bits = (value: LuaValue, place: number): number => numberArgument(value, place) | 0;

const ofAll =
  (join: (one: number, other: number) => number): LuaFunction =>
  (...values) => [values.map((value, i) => bits(value, i + 1)).reduce(join)];

const shifted =
  (shift: (value: number, by: number) => number): LuaFunction =>
  (value, by) => [shift(bits(value, 1), bits(by, 2) & 31) | 0];

/** Returns the library `bit` of servers: numbers of 32 bits with a sign. */
export function bitLibrary(): LuaTable {
  return libraryOf({
    arshift: shifted((value, by) => value >> by),
    band: ofAll((one, other) => one & other),
    bnot: (value) => [~bits(value, 1)],
    bor: ofAll((one, other) => one | other),
    bswap: (value) => [Buffer.from(hexOf(bits(value, 1)), 'hex').readInt32LE()],
    bxor: ofAll((one, other) => one ^ other),
    lshift: shifted((value, by) => value << by),
    rol: shifted((value, by) => (value << by) | (value >>> (32 - by))),
    ror: shifted((value, by) => (value >>> by) | (value << (32 - by))),
    rshift: shifted((value, by) => value >>> by),
    tobit: (value) => [bits(value, 1)],
    tohex: (value, digits) => {
      const count = digits === undefined ? 8 : bits(digits, 2);
      const hex = hexOf(bits(value, 1)).slice(8 - Math.min(8, Math.abs(count)));
      return [count < 0 ? hex.toUpperCase() : hex];
    },
  });
}

const hexOf = (value: number): string => (value >>> 0).toString(16).padStart(8, '0');
