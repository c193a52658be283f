import { decodeLatin1 } from './buffer-text.js';

/**
 * Byte text is a string of one character a byte (latin1). ASCII is its own byte text, so that most requests are plain
 * strings, which V8 joins without copying and a socket writes with one pass; and its length is the byte length.
 */
export function toByteText(value: string | Buffer): string {
  if (typeof value !== 'string') return decodeLatin1(value, 0, value.length);
  if (Buffer.byteLength(value) === value.length) return value;
  const bytes = Buffer.from(value);
  return decodeLatin1(bytes, 0, bytes.length);
}
