import { asNumber, asText, formatShortest } from '../lua/conversions.js';
import { LuaError, type LuaValue, luaType } from '../lua/lua-value.js';

/** A part of a format, such as `%-08.3f`. */
interface Directive {
  readonly flags: string;
  readonly width: number;
  readonly precision: number | undefined;
  readonly letter: string;
}

/** Formats values as `string.format` does. @throws LuaError for a value of the wrong type. */
export function formatText(format: string, values: readonly LuaValue[]): string {
  let next = 0;
  return format.replace(
    /%([-+ #0]*)(\d*)(?:\.(\d*))?([^])/g,
    (whole, flags: string, width: string, precision: string | undefined, letter: string) => {
      if (letter === '%') return '%';
      const known = FORMATTERS[letter];
      if (!known) throw new LuaError(`invalid option '${whole}' to 'format'`);
      if (next >= values.length) throw new LuaError(`bad argument #${next + 2} to 'format' (no value)`);
      const digits = precision === undefined ? undefined : Number(precision);
      return known({ flags, width: Number(width), precision: digits, letter }, values[next++], next + 1);
    },
  );
}

type Formatter = (directive: Directive, value: LuaValue, place: number) => string;

function numeric(value: LuaValue, place: number): number {
  const number = asNumber(value);
  if (number === undefined)
    throw new LuaError(`bad argument #${place} to 'format' (number expected, got ${luaType(value)})`);
  return number;
}

/** Adds the sign and the padding. @param digits without a sign */
function padded({ flags, width }: Directive, digits: string, isNegative: boolean, mayFill = true): string {
  const sign = isNegative ? '-' : flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : '';
  if (flags.includes('-')) return (sign + digits).padEnd(width);
  if (flags.includes('0') && mayFill) return sign + digits.padStart(width - sign.length, '0');
  return (sign + digits).padStart(width);
}

const integer: Formatter = (directive, value, place) => {
  const number = Math.trunc(numeric(value, place));
  const digits = wholeDigits(Math.abs(number)).padStart(directive.precision ?? 1, '0');
  return padded(directive, digits, number < 0, directive.precision === undefined);
};

/** Describes a formatter of integers without a sign, as 64 bits. */
const unsigned =
  (radix: number): Formatter =>
  (directive, value, place) => {
    const bits = BigInt.asUintN(64, BigInt(Math.trunc(numeric(value, place))));
    const digits = bits.toString(radix).padStart(directive.precision ?? 1, '0');
    const { flags, letter } = directive;
    return padded(
      { ...directive, flags: flags.replace(/[+ ]/g, '') },
      letter === 'X' ? digits.toUpperCase() : digits,
      false,
    );
  };

const wholeDigits = (number: number): string =>
  number < Number.MAX_SAFE_INTEGER ? String(number) : BigInt(number).toString();

const fixedPoint: Formatter = (directive, value, place) => {
  const number = numeric(value, place);
  const size = Math.abs(number);
  if (!Number.isFinite(number))
    return padded(directive, Number.isNaN(number) ? 'nan' : 'inf', number < 0, false);
  const isNegative = number < 0 || Object.is(number, -0);
  return padded(directive, fixedDigits(size, directive.precision ?? 6), isNegative);
};

/** Rounds halves to the even digit, as C does. */
function fixedDigits(size: number, precision: number): string {
  if (precision > 0)
    return size < 1e21 ? size.toFixed(precision) : `${BigInt(size)}.${'0'.repeat(precision)}`;
  const whole = Math.floor(size);
  const isUp = size - whole > 0.5 || (size - whole === 0.5 && whole % 2 === 1);
  return wholeDigits(isUp ? whole + 1 : whole);
}

const exponential: Formatter = (directive, value, place) => {
  const number = numeric(value, place);
  const [mantissa, power] = Math.abs(number)
    .toExponential(directive.precision ?? 6)
    .split('e');
  const digits = `${mantissa}e${power[0]}${power.slice(1).padStart(2, '0')}`;
  return padded(directive, directive.letter === 'E' ? digits.toUpperCase() : digits, number < 0);
};

const shortest: Formatter = (directive, value, place) => {
  const number = numeric(value, place);
  const digits = formatShortest(Math.abs(number), directive.precision ?? 6);
  return padded(directive, directive.letter === 'G' ? digits.toUpperCase() : digits, number < 0);
};

const text: Formatter = ({ flags, width, precision }, value, place) => {
  const whole = asText(value);
  if (whole === undefined)
    throw new LuaError(`bad argument #${place} to 'format' (string expected, got ${luaType(value)})`);
  const cut = precision === undefined ? whole : whole.slice(0, precision);
  return flags.includes('-') ? cut.padEnd(width) : cut.padStart(width);
};

const FORMATTERS: Readonly<Record<string, Formatter>> = {
  c: (directive, value, place) => String.fromCharCode(numeric(value, place)).padStart(directive.width),
  d: integer,
  i: integer,
  u: unsigned(10),
  o: unsigned(8),
  x: unsigned(16),
  X: unsigned(16),
  f: fixedPoint,
  e: exponential,
  E: exponential,
  g: shortest,
  G: shortest,
  s: text,
  q: (_, value) =>
    `"${(asText(value) ?? '')
      .replace(/[\\"\n]/g, '\\$&')
      .replaceAll('\r', '\\r')
      .replaceAll('\0', '\\000')}"`,
};
