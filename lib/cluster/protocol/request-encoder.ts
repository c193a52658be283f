import { toByteText } from './buffer-text.js';
import { RequestHeaders } from './request-headers.js';

/**
 * An argument as it is sent: strings as UTF-8, Buffers as they are, and as they are when the request is written.
 * Numbers were made strings before.
 */
export type Argument = string | Buffer;

/** A text that has grown so long is a piece: a string has a maximum length, and short writes are the cheap ones. */
export const PIECE_BYTES = 32 * 1024;

/** Longer arguments are pieces of their own: joining them with the rest would copy them once more. */
const LARGE = 16 * 1024;

/** `$5` between the CRLF that ends what was before and its own, for the usual lengths. */
const LENGTH_LINES = Array.from({ length: 1024 }, (_, length) => `\r\n$${length}\r\n`);

const END = '\r\n';

const lengthLine = (length: number): string =>
  length < LENGTH_LINES.length ? LENGTH_LINES[length] : `\r\n$${length}\r\n`;

/**
 * Encodes commands as RESP requests into one batch, which is then written at once. The batch is a byte text
 * (a string of one character a byte), whatever the arguments hold; only large arguments are kept apart from it.
 *
 * @see {@link https://github.com/redis/redis-specifications/blob/master/protocol/RESP2.md | RESP2, sending commands}
 */
export class RequestEncoder {
  private readonly headers = new RequestHeaders();
  private pieces: (string | Buffer)[] = [];
  private pieceBytes = 0;
  private text = '';
  private keptPieces = 0;
  private keptBytes = 0;
  private keptText = '';

  /** Bytes of the batch so far, exactly. */
  get size(): number {
    return this.isEmpty ? 0 : this.pieceBytes + this.text.length + END.length;
  }

  private get isEmpty(): boolean {
    return this.text === '' && this.pieces.length === 0;
  }

  /** Adds one command to the batch. */
  append(name: string, args: readonly Argument[]): void {
    // every line gets its CRLF from the one after it, and the last from `take`: one string less to join each
    const header = this.headers.get(name, args.length);
    let text = this.isEmpty ? header.slice(END.length) : this.text + header;
    for (let i = 0; i < args.length; i++) {
      const value = args[i];
      if (value.length >= LARGE) text = this.appendLarge(text, value);
      else {
        const bytes = toByteText(value);
        text = text + lengthLine(bytes.length) + bytes;
      }
      if (text.length >= PIECE_BYTES) text = this.cut(text);
    }
    this.text = text;
  }

  /** Notes how far the batch is, for `revert`. */
  keep(): void {
    this.keptPieces = this.pieces.length;
    this.keptBytes = this.pieceBytes;
    this.keptText = this.text;
  }

  /** Drops what was added since `keep`, so that nothing is left of a command that could not be encoded. */
  revert(): void {
    this.pieces.length = this.keptPieces;
    this.pieceBytes = this.keptBytes;
    this.text = this.keptText;
  }

  /**
   * Takes the batch, to be written in this order; the next one begins empty. Usually it is one string.
   * Strings are to be written as `latin1`: each character is a byte, whatever it stands for.
   */
  take(): (string | Buffer)[] {
    const pieces = this.pieces;
    if (!this.isEmpty) pieces.push(this.text + END);
    this.pieces = [];
    this.pieceBytes = 0;
    this.text = '';
    return pieces;
  }

  /** Makes a piece of the text; tells the text after it, still empty. */
  private cut(text: string): string {
    this.pieces.push(text);
    this.pieceBytes += text.length;
    return '';
  }

  /** Closes the text with the value's length and puts the value behind it; tells the text after it, still empty. */
  private appendLarge(text: string, value: Argument): string {
    const isBytes = typeof value !== 'string' || Buffer.byteLength(value) === value.length;
    const piece = isBytes ? value : Buffer.from(value);
    const before = text + lengthLine(piece.length);
    this.pieces.push(before, piece);
    this.pieceBytes += before.length + piece.length;
    return '';
  }
}
