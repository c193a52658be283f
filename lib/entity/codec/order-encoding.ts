/**
 * Encodings whose bytes sort like the values, for indexes: a ZSET whose members all have the score 0 sorts by bytes
 * (see ZRANGE BYLEX). No encoding contains a zero byte, which separates the parts of a member.
 */

/** Encodes a string, which sorts by its UTF-8 bytes, that is, by code point. */
export function orderText(text: string): string {
  // Byte 0 becomes 1 1, and byte 1 becomes 1 2. This keeps the order and leaves byte 0 as the separator.
  return SEPARATORS.test(text) ? text.replaceAll('\x01', '\x01\x02').replaceAll('\x00', '\x01\x01') : text;
}

// oxlint-disable-next-line no-control-regex
const SEPARATORS = /[\x00\x01]/;

const SIGN = 1n << 63n;
const ALL = (1n << 64n) - 1n;
const view = new DataView(new ArrayBuffer(8));

/** Encodes the bits of the IEEE 754 double as 16 hexadecimal digits; the bits of negative numbers are inverted. */
export function orderNumber(value: number): string {
  view.setFloat64(0, value === 0 ? 0 : value); // -0 is 0
  const bits = view.getBigUint64(0);
  return hex(bits & SIGN ? bits ^ ALL : bits | SIGN);
}

/**
 * Encodes a bigint of any size as its sign, the number of its digits, and the digits; negative numbers are
 * complemented. Because `+` sorts before `-`, the sign is `1` for positive and `0` for negative numbers.
 */
export function orderBigInt(value: bigint): string {
  const digits = (value < 0n ? -value : value).toString(16);
  const magnitude = digits.length.toString(16).padStart(8, '0') + digits;
  return value < 0n ? `0${magnitude.replace(/./g, complement)}` : `1${magnitude}`;
}

const complement = (digit: string): string => (15 - Number.parseInt(digit, 16)).toString(16);

const hex = (bits: bigint): string => bits.toString(16).padStart(16, '0');
