import { decodeLatin1 } from '../../cluster/protocol/buffer-text.js';
import { lengthLine } from '../../cluster/protocol/request-headers.js';
import type { InFlightCommand } from './in-flight-command.js';

/** A word, a name, and a number. */
export const CONFIRMATION_ITEMS = 3;

/** Confirmations are decoded together up to this many bytes. */
const WINDOW_BYTES = 8 * 1024;
/** More than the bytes of a confirmation beside its name. */
const OTHER_BYTES = 64;

const NEXT = `>${CONFIRMATION_ITEMS}\r\n`;
const BEFORE_COUNT = '\r\n:';
const END = '\r\n';

/**
 * Compares bytes with the confirmations that a server is expected to push next: for each name of a command its word, the
 * name, and how many names the connection now has. Counts those that are there in the command. Text is compared by native
 * code, which is fast from the start: most confirmations arrive before anything of ours has been compiled.
 * @param start the index of the first string of the first one
 * @returns the index behind the last one; -1 if the first is something else, or not all there
 */
export function readConfirmations(bytes: Buffer, start: number, command: InFlightCommand): number {
  const { word, names } = command;
  const first = names[command.confirmed].length + OTHER_BYTES;
  const text = decodeLatin1(bytes, start, Math.min(bytes.length, start + Math.max(first, WINDOW_BYTES)));
  let before = '';
  let length = -1;
  let end = -1;
  for (let at = 0; command.confirmed < names.length; at = end + NEXT.length) {
    const name = names[command.confirmed];
    // the same for all names of one length, which neighbors often have
    if (name.length !== length) {
      length = name.length;
      before = `$${word.length}\r\n${word}${lengthLine(length)}`;
    }
    const nameEnd = at + before.length + length;
    const isNext =
      text.startsWith(name, at + before.length) &&
      text.startsWith(before, at) &&
      text.startsWith(BEFORE_COUNT, nameEnd) &&
      (end === -1 || text.startsWith(NEXT, end));
    const countEnd = isNext ? text.indexOf(END, nameEnd + BEFORE_COUNT.length) : -1;
    if (countEnd === -1) break;
    command.confirmed++;
    end = countEnd + END.length;
  }
  return end === -1 ? -1 : start + end;
}
