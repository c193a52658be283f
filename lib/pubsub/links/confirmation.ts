import { isByteText } from '../../cluster/protocol/buffer-text.js';

/** A word, a name, and a number. */
export const CONFIRMATION_ITEMS = 3;

const COLON = 0x3a;
const CR = 0x0d;

/**
 * Compares bytes with the confirmation that a server is expected to push next: the word of the command, a name, and
 * how many names the connection now has.
 * @param start the index of the first string
 * @param name in byte text
 * @returns the index behind it; -1 if it is something else, or not all there
 */
export function endOfConfirmation(bytes: Buffer, start: number, word: string, name: string): number {
  const afterWord = endOfString(bytes, start, word);
  const afterName = afterWord === -1 ? -1 : endOfString(bytes, afterWord, name);
  if (afterName === -1 || bytes[afterName] !== COLON) return -1;
  const lineEnd = bytes.indexOf(CR, afterName);
  return lineEnd === -1 || lineEnd + 2 > bytes.length ? -1 : lineEnd + 2;
}

/** Returns the index behind a string of the protocol; -1 if it is another one. */
function endOfString(bytes: Buffer, start: number, text: string): number {
  const header = `$${text.length}\r\n`;
  const textStart = start + header.length;
  const textEnd = textStart + text.length;
  const isExpected =
    textEnd + 2 <= bytes.length &&
    isByteText(header, bytes, start, textStart) &&
    isByteText(text, bytes, textStart, textEnd);
  return isExpected ? textEnd + 2 : -1;
}
