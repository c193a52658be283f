import type { MessageWord } from '../subscriptions/subscription-kind.js';
import type { IncomingMessage } from '../subscriptions/incoming-message.js';

const DOLLAR = 0x24;
const CR = 0x0d;
const ZERO = 0x30;
/** The bytes of `$7\r\nmessage\r\n`, and the place of the first letter in it. */
const WORD_BYTES = 13;
const FIRST_LETTER = 4;

/** The words of messages by their first letter: the digit of their length, and how many strings the message has. */
const WORDS: Readonly<
  Record<number, { readonly word: MessageWord; readonly length: number; readonly count: number } | undefined>
> = {
  [0x6d]: { word: 'message', length: 0x37, count: 3 },
  [0x70]: { word: 'pmessage', length: 0x38, count: 4 },
  [0x73]: { word: 'smessage', length: 0x38, count: 3 },
};

/**
 * Finds the parts of a pushed message in the bytes of the socket, without making objects of them.
 *
 * @see {@link https://redis.io/docs/latest/develop/pubsub/ | Pub/sub, format of pushed messages}
 */
export class MessageReader {
  word: MessageWord = 'message';
  /** The name that was subscribed to, between these bytes. */
  nameStart = 0;
  nameEnd = 0;
  /** The end of the string read last. */
  private end = 0;

  /**
   * Reads the message of `count` strings whose first one begins at `at`.
   * @returns the index behind it; -1 if it is something else, or not all there
   */
  read(bytes: Buffer, at: number, count: number, ascii: boolean, message: IncomingMessage): number {
    if (at + WORD_BYTES > bytes.length) return -1;
    const known = WORDS[bytes[at + FIRST_LETTER]];
    if (known?.count !== count || bytes[at + 1] !== known.length || bytes[at + 2] !== CR) return -1;
    const nameStart = this.startOfString(bytes, at + FIRST_LETTER + known.word.length + 2);
    if (nameStart === -1) return -1;
    const nameEnd = this.end;
    let channelStart = nameStart;
    if (known.word === 'pmessage') {
      channelStart = this.startOfString(bytes, nameEnd + 2);
      if (channelStart === -1) return -1;
    }
    const channelEnd = this.end;
    const start = this.startOfString(bytes, channelEnd + 2);
    if (start === -1) return -1;
    this.word = known.word;
    this.nameStart = nameStart;
    this.nameEnd = nameEnd;
    message.begin(bytes, start, this.end, ascii);
    message.setChannel(bytes, channelStart, channelEnd);
    return this.end + 2;
  }

  /** Returns where the content of a string begins whose header is at `at`, and sets its end. -1 if it is not whole. */
  private startOfString(bytes: Buffer, at: number): number {
    const last = bytes.length;
    if (at >= last || bytes[at] !== DOLLAR) return -1;
    let length = 0;
    let next = at + 1;
    while (next < last && bytes[next] !== CR) {
      const digit = bytes[next] - ZERO;
      if (digit < 0 || digit > 9) return -1;
      length = length * 10 + digit;
      next++;
    }
    const start = next + 2;
    const end = start + length;
    // anything that is not as expected is left to the parser, which says what is wrong
    if (next === at + 1 || end + 2 > last || bytes[end] !== CR) return -1;
    this.end = end;
    return start;
  }
}
