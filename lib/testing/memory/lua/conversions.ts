import type { LuaValue } from './lua-value.js';

/** Returns text as a number, as `tonumber` does; undefined if it is none. */
export function numberIn(text: string): number | undefined {
  const trimmed = text.replace(/^[\t-\r ]+|[\t-\r ]+$/g, '');
  if (/^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(trimmed)) return Number(trimmed);
  const hexadecimal = /^([-+]?)(0x[\da-f]+)$/i.exec(trimmed);
  if (hexadecimal) return Number(hexadecimal[2]) * (hexadecimal[1] === '-' ? -1 : 1);
  const named = /^([-+]?)(inf|nan)$/i.exec(trimmed);
  if (!named) return undefined;
  const value = named[2].toLowerCase() === 'inf' ? Infinity : NaN;
  return named[1] === '-' ? -value : value;
}

/** Returns a number, or text that is one, as a number; undefined for anything else. */
export function asNumber(value: LuaValue): number | undefined {
  if (typeof value === 'number') return value;
  return typeof value === 'string' ? numberIn(value) : undefined;
}

/** Returns text, or a number as text; undefined for anything else. */
export function asText(value: LuaValue): string | undefined {
  if (typeof value === 'string') return value;
  return typeof value === 'number' ? formatNumber(value) : undefined;
}

/** Returns a number as Lua prints it: with 14 digits. */
export function formatNumber(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e14) return Object.is(value, -0) ? '-0' : String(value);
  return formatShortest(value, 14);
}

/** Returns a number with so many significant digits, as `%.14g` does. */
export function formatShortest(value: number, digits: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value < 0 ? '-inf' : 'inf';
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  const precision = Math.max(1, digits);
  const [mantissa, power] = roundedExponential(value, precision - 1).split('e');
  const exponent = Number(power);
  const isPlain = exponent >= -4 && exponent < precision;
  const text = isPlain ? value.toFixed(Math.max(0, precision - 1 - exponent)) : mantissa;
  const short = text.includes('.') ? text.replace(/\.?0+$/, '') : text;
  if (isPlain) return short;
  return `${short}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
}

/** More digits than a half needs to show as one. */
const ALL_DIGITS = 100;

/** As `toExponential`, but halves are rounded to the even digit, as C does. */
function roundedExponential(value: number, digits: number): string {
  const rounded = value.toExponential(digits);
  const [mantissa, power] = value.toExponential(ALL_DIGITS).split('e');
  const kept = mantissa.slice(0, mantissa.indexOf('.') + 1 + digits);
  const rest = mantissa.slice(kept.length);
  const isHalf = /^\.?50*$/.test(rest);
  return isHalf && Number(kept.at(-1)) % 2 === 0 ? `${kept.replace(/\.$/, '')}e${power}` : rounded;
}
