import { CommandError } from './reply.js';

/** The lowest integer of 64 bits. */
export const LOWEST: bigint = -(2n ** 63n);
const HIGHEST = 2n ** 63n - 1n;

/** Reads an integer of 64 bits as a server does: no plus sign, no leading zeros, no spaces. */
export function bigIntegerOf(text: string, message = 'ERR value is not an integer or out of range'): bigint {
  if (/^(0|-?[1-9]\d{0,18})$/.test(text)) {
    const value = BigInt(text);
    if (value >= LOWEST && value <= HIGHEST) return value;
  }
  throw new CommandError(message);
}

/** Reads an integer that a JavaScript number holds exactly, or one beyond as the nearest. */
export function integerOf(text: string, message?: string): number {
  return smallIntegerOf(text) ?? Number(bigIntegerOf(text, message));
}

const ZERO = 48;

/** Reads an integer of few digits, the common case; undefined for anything else. */
function smallIntegerOf(text: string): number | undefined {
  if (text.length === 0 || text.length > 9 || (text.length > 1 && text.charCodeAt(0) === ZERO))
    return undefined;
  let value = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - ZERO;
    if (digit < 0 || digit > 9) return undefined;
    value = value * 10 + digit;
  }
  return value;
}

/** Adds to an integer. @throws CommandError if the sum has more than 64 bits. */
export function sumOf(value: bigint, by: bigint): bigint {
  const sum = value + by;
  if (sum < LOWEST || sum > HIGHEST) throw new CommandError('ERR increment or decrement would overflow');
  return sum;
}

/** Reads a number with a fraction, or an infinity. */
export function floatOf(text: string, message = 'ERR value is not a valid float'): number {
  const infinity = /^([-+]?)inf(inity)?$/i.exec(text);
  if (infinity) return infinity[1] === '-' ? -Infinity : Infinity;
  if (!/^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(text)) throw new CommandError(message);
  return Number(text);
}

/** Returns a number as servers write it. */
export function formatDouble(value: number): string {
  if (value === Infinity) return 'inf';
  if (value === -Infinity) return '-inf';
  return Object.is(value, -0) ? '-0' : String(value);
}

/** Returns the bounds of a range as indexes; negative ones count from the end. The end is exclusive. */
export function rangeOf(from: number, to: number, length: number): [start: number, end: number] {
  const start = from < 0 ? Math.max(0, length + from) : from;
  const end = to < 0 ? length + to : Math.min(to, length - 1);
  return start > end ? [0, 0] : [start, end + 1];
}
