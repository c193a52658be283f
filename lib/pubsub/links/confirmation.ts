import { decodeLatin1, isByteText } from '../../cluster/protocol/buffer-text.js';

/** A word, a name, and a number. */
export const CONFIRMATION_ITEMS = 3;

const DOLLAR = 0x24;
const COLON = 0x3a;
const CR = 0x0d;
const ZERO = 0x30;

/**
 * Compares bytes with the confirmation that a server is expected to push next: the word of the command, a name, and
 * how many names the connection now has.
 * @param start the index of the first string
 * @param name in byte text
 * @returns the index behind it; -1 if it is something else, or not all there
 */
export function endOfConfirmation(bytes: Buffer, start: number, word: string, name: string): number {
  const wordStart = startOfString(bytes, start, word.length);
  const wordEnd = wordStart + word.length;
  if (wordStart === -1 || !isByteText(word, bytes, wordStart, wordEnd)) return -1;
  const nameStart = startOfString(bytes, wordEnd + 2, name.length);
  const nameEnd = nameStart + name.length;
  if (nameStart === -1 || nameEnd + 2 >= bytes.length || bytes[nameEnd + 2] !== COLON) return -1;
  // native code compares faster, as most confirmations arrive before this function has been compiled
  if (decodeLatin1(bytes, nameStart, nameEnd) !== name) return -1;
  let at = nameEnd + 3;
  while (at < bytes.length && bytes[at] !== CR) at++;
  return at + 2 > bytes.length ? -1 : at + 2;
}

/** Returns where the content of a string of this length begins whose header is at `at`; -1 if it is another one. */
function startOfString(bytes: Buffer, at: number, length: number): number {
  if (bytes[at] !== DOLLAR) return -1;
  let found = 0;
  let next = at + 1;
  while (next < bytes.length && bytes[next] !== CR) found = found * 10 + bytes[next++] - ZERO;
  return found === length ? next + 2 : -1;
}
