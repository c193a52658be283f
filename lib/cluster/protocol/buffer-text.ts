/** Buffer's own decoders. `toString` ends in them too, after a detour that costs a fifth of a short string's time. */
interface NativeDecoders {
  readonly utf8Slice?: (start: number, end: number) => string;
  readonly latin1Slice?: (start: number, end: number) => string;
}

type Decode = (bytes: Buffer, start: number, end: number) => string;

const native = Buffer.prototype as Buffer & NativeDecoders;
const text = String.fromCharCode;

/** Returns the bytes from `start` up to `end` as UTF-8 text; invalid bytes become U+FFFD. */
export const decodeUtf8: Decode =
  native.utf8Slice === undefined
    ? (bytes, start, end) => bytes.toString('utf8', start, end)
    : (bytes, start, end) => (bytes as Buffer & Required<NativeDecoders>).utf8Slice(start, end);

/** Returns the bytes from `start` up to `end` as a string with one character per byte. */
export const decodeLatin1: Decode =
  native.latin1Slice === undefined
    ? (bytes, start, end) => bytes.toString('latin1', start, end)
    : (bytes, start, end) => (bytes as Buffer & Required<NativeDecoders>).latin1Slice(start, end);

/**
 * Does the same for bytes known to be ASCII. Builds the shortest strings in JavaScript, as a native call takes
 * three times as long.
 */
export function decodeAscii(b: Buffer, i: number, end: number): string {
  switch (end - i) {
    case 0:
      return '';
    case 1:
      return text(b[i]);
    case 2:
      return text(b[i], b[i + 1]);
    case 3:
      return text(b[i], b[i + 1], b[i + 2]);
    case 4:
      return text(b[i], b[i + 1], b[i + 2], b[i + 3]);
    case 5:
      return text(b[i], b[i + 1], b[i + 2], b[i + 3], b[i + 4]);
    case 6:
      return text(b[i], b[i + 1], b[i + 2], b[i + 3], b[i + 4], b[i + 5]);
    case 7:
      return text(b[i], b[i + 1], b[i + 2], b[i + 3], b[i + 4], b[i + 5], b[i + 6]);
    case 8:
      return text(b[i], b[i + 1], b[i + 2], b[i + 3], b[i + 4], b[i + 5], b[i + 6], b[i + 7]);
    default:
      return decodeLatin1(b, i, end);
  }
}

/**
 * Returns byte text: a string with one character per byte (latin1). ASCII is its own byte text, so most
 * requests are plain strings, which V8 joins without copying and a socket writes in one pass. The length of
 * byte text is its byte length.
 */
export function toByteText(value: string | Buffer): string {
  if (typeof value !== 'string') return decodeLatin1(value, 0, value.length);
  if (Buffer.byteLength(value) === value.length) return value;
  const bytes = Buffer.from(value);
  return decodeLatin1(bytes, 0, bytes.length);
}

/** Returns whether the bytes from `start` up to `end` are this byte text. */
export function isByteText(expected: string, bytes: Buffer, start: number, end: number): boolean {
  if (expected.length !== end - start) return false;
  for (let i = 0; i < expected.length; i++) if (expected.charCodeAt(i) !== bytes[start + i]) return false;
  return true;
}
