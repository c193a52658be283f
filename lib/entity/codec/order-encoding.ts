/**
 * Texts that sort bytewise as the values they stand for do: the alphabet of the index (a ZSET whose members all have
 * score 0 sorts by bytes, see ZRANGE BYLEX). None holds a zero byte, which separates the parts of a member.
 */

/** Strings sort by their UTF-8 bytes, that is by code point. */
export function orderText(text: string): string {
  // Zero becomes 1 1 and one becomes 1 2: the order stays, and zero is free to be the separator.
  return SEPARATORS.test(text) ? text.replaceAll('\x01', '\x01\x02').replaceAll('\x00', '\x01\x01') : text;
}

// oxlint-disable-next-line no-control-regex
const SEPARATORS = /[\x00\x01]/;

const SIGN = 1n << 63n;
const ALL = (1n << 64n) - 1n;
const view = new DataView(new ArrayBuffer(8));

/** The bits of the IEEE 754 double, negative ones inverted, as 16 hexadecimal digits. */
export function orderNumber(value: number): string {
  view.setFloat64(0, value === 0 ? 0 : value); // -0 is 0
  const bits = view.getBigUint64(0);
  return hex(bits & SIGN ? bits ^ ALL : bits | SIGN);
}

/**
 * A bigint of any size: its sign, the number of its digits and the digits; negative ones complemented.
 * `+` and `-` sort the wrong way round, so positive is `1` and negative `0`.
 */
export function orderBigInt(value: bigint): string {
  const digits = (value < 0n ? -value : value).toString(16);
  const magnitude = digits.length.toString(16).padStart(8, '0') + digits;
  return value < 0n ? `0${magnitude.replace(/./g, complement)}` : `1${magnitude}`;
}

const complement = (digit: string): string => (15 - Number.parseInt(digit, 16)).toString(16);

const hex = (bits: bigint): string => bits.toString(16).padStart(16, '0');
