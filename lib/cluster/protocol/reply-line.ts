import { decodeLatin1 } from './buffer-text.js';
import { ProtocolError } from '../common/errors.js';

const CR = 0x0d;
const LF = 0x0a;
const PLUS = 0x2b;
const MINUS = 0x2d;
const ZERO = 0x30;
const LOWER_T = 0x74;
const LOWER_F = 0x66;
/** Digits of the largest 64-bit integer. */
const MAXIMUM_DIGITS = 19;

/** Returns where the CRLF of the line at `start` begins; -1 if the bytes end before both of its bytes. */
export function findLineEnd(bytes: Buffer, start: number): number {
  const last = bytes.length - 1;
  for (let at = start; at < last; at++) {
    if (bytes[at] !== CR) continue;
    if (bytes[at + 1] !== LF)
      throw new ProtocolError('A carriage return in a line is not followed by a line feed');
    return at;
  }
  return -1;
}

/** Reads a boolean between `start` and `end`, `t` or `f`, as the 1 or 0 of RESP2. */
export function parseBoolean(bytes: Buffer, start: number, end: number): number {
  if (end === start + 1 && bytes[start] === LOWER_T) return 1;
  if (end === start + 1 && bytes[start] === LOWER_F) return 0;
  throw new ProtocolError('A boolean is neither true nor false');
}

/** Reads a double between `start` and `end`, which may be `inf`, `-inf` or `nan`. */
export function parseDouble(bytes: Buffer, start: number, end: number): number {
  const text = decodeLatin1(bytes, start, end).toLowerCase();
  if (/^[+-]?inf$/.test(text)) return text.startsWith('-') ? -Infinity : Infinity;
  if (/^-?nan$/.test(text)) return Number.NaN;
  const value = Number(text);
  if (text === '' || Number.isNaN(value)) throw new ProtocolError('A double is not a number');
  return value;
}

/** Reads a length between `start` and `end`: digits, or -1 for null. */
export function parseLength(bytes: Buffer, start: number, end: number): number {
  if (bytes[start] === MINUS) {
    if (end === start + 2 && bytes[start + 1] === ZERO + 1) return -1;
    throw new ProtocolError('A length is negative');
  }
  return parseDigits(bytes, start, end);
}

/** Reads an integer between `start` and `end`: a number if that is exact, else a bigint. */
export function parseInteger(bytes: Buffer, start: number, end: number): number | bigint {
  const sign = bytes[start];
  const first = sign === MINUS || sign === PLUS ? start + 1 : start;
  const magnitude = parseDigits(bytes, first, end);
  // a sum that was rounded is above the bound too, as rounding keeps the order
  if (magnitude > Number.MAX_SAFE_INTEGER) {
    const exact = BigInt(decodeLatin1(bytes, first, end));
    return sign === MINUS ? -exact : exact;
  }
  return sign === MINUS ? 0 - magnitude : magnitude; // 0 - 0 avoids -0
}

function parseDigits(bytes: Buffer, start: number, end: number): number {
  if (start >= end || end - start > MAXIMUM_DIGITS)
    throw new ProtocolError('A number has no digits, or too many');
  let value = 0;
  for (let at = start; at < end; at++) {
    const digit = bytes[at] - ZERO;
    if (digit < 0 || digit > 9) throw new ProtocolError('A number contains a character that is not a digit');
    value = value * 10 + digit;
  }
  return value;
}
