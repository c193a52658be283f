/** The first byte of each reply, in RESP2 and RESP3. */
export const SIMPLE_STRING = 0x2b; // +
export const SIMPLE_ERROR = 0x2d; // -
export const INTEGER = 0x3a; // :
export const BULK_STRING = 0x24; // $
export const ARRAY = 0x2a; // *
export const NULL = 0x5f; // _
export const BOOLEAN = 0x23; // #
export const DOUBLE = 0x2c; // ,
export const BIG_NUMBER = 0x28; // (
export const BULK_ERROR = 0x21; // !
export const VERBATIM_STRING = 0x3d; // =
export const MAP = 0x25; // %
export const SET = 0x7e; // ~
export const ATTRIBUTE = 0x7c; // |
export const PUSH = 0x3e; // >

/** Types whose value is the text of their line, however long. */
const TEXT_TYPES: ReadonlySet<number> = new Set([SIMPLE_STRING, SIMPLE_ERROR, DOUBLE, BIG_NUMBER]);
/** Types whose line contains an integer, a length, a letter or nothing. */
const SHORT_TYPES: ReadonlySet<number> = new Set([
  ...[INTEGER, BULK_STRING, BULK_ERROR, VERBATIM_STRING, NULL, BOOLEAN],
  ...[ARRAY, SET, MAP, ATTRIBUTE, PUSH],
]);
const SHORT_LINE = 32;

/** Returns how many bytes a line that begins with `type` may have; 0 if that is not a type. */
export function lineLimit(type: number, textLimit: number): number {
  if (TEXT_TYPES.has(type)) return textLimit;
  return SHORT_TYPES.has(type) ? SHORT_LINE : 0;
}
