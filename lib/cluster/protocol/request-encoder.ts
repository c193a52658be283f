import { toByteText } from './buffer-text.js';
import { RepeatedArguments } from './repeated-arguments.js';
import { lengthLine, RequestHeaders } from './request-headers.js';

/**
 * An argument as it is sent: strings as UTF-8, Buffers with the content they have when the request is written.
 * Numbers have been converted to strings before.
 */
export type Argument = string | Buffer;

/** A text of this length is cut into a piece: strings have a maximum length, and short writes are the cheap ones. */
export const PIECE_BYTES = 32 * 1024;

/** Longer arguments are pieces of their own, as joining them with the rest would copy them again. */
const LARGE = 16 * 1024;

const END = '\r\n';

/** The headers of the commands of all connections. */
const HEADERS = new RequestHeaders();

const lineOf = (bytes: string): string => lengthLine(bytes.length) + bytes;

/**
 * Encodes commands as RESP requests into one batch, which is then written at once. The batch is byte text (a
 * string with one character per byte), whatever the arguments contain. Only large arguments are kept apart.
 *
 * @see {@link https://github.com/redis/redis-specifications/blob/master/protocol/RESP2.md | RESP2, sending
 *   commands}
 */
export class RequestEncoder {
  private readonly repeated = new RepeatedArguments(lineOf);
  private pieces: (string | Buffer)[] = [];
  private pieceBytes = 0;
  private text = '';
  private keptPieces = 0;
  private keptBytes = 0;
  private keptText = '';

  /** The exact size of the batch so far, in bytes. */
  get size(): number {
    return this.isEmpty ? 0 : this.pieceBytes + this.text.length + END.length;
  }

  private get isEmpty(): boolean {
    return this.text === '' && this.pieces.length === 0;
  }

  /** Adds one command to the batch. */
  append(name: string, args: readonly Argument[]): void {
    const header = HEADERS.get(name, args.length);
    const first = args.length > 0 && args[0].length < LARGE ? toByteText(args[0]) : undefined;
    let text =
      first === undefined ? this.begin(header.text) : this.begin(header.opening(first.length)) + first;
    const repeated = this.repeated.textOf(args);
    const count = repeated === undefined ? args.length : 1;
    for (let i = first === undefined ? 0 : 1; i < count; i++) {
      const value = args[i];
      if (value.length >= LARGE) text = this.appendLarge(text, value);
      else {
        const bytes = toByteText(value);
        text = text + lengthLine(bytes.length) + bytes;
      }
      if (text.length >= PIECE_BYTES) text = this.cut(text);
    }
    this.text = repeated === undefined ? text : text + repeated;
  }

  /** Adds a command whose arguments are byte text already. Long ones are joined with the rest, too. */
  appendByteTexts(name: string, args: readonly string[]): void {
    let text = this.begin(HEADERS.get(name, args.length).text);
    for (let i = 0; i < args.length; i++) {
      text = text + lengthLine(args[i].length) + args[i];
      if (text.length >= PIECE_BYTES) text = this.cut(text);
    }
    this.text = text;
  }

  /** Records the end of the batch, for `revert`. */
  keep(): void {
    this.keptPieces = this.pieces.length;
    this.keptBytes = this.pieceBytes;
    this.keptText = this.text;
  }

  /** Drops what was added since `keep`, so that nothing remains of a command that could not be encoded. */
  revert(): void {
    this.pieces.length = this.keptPieces;
    this.pieceBytes = this.keptBytes;
    this.text = this.keptText;
  }

  /**
   * Returns the batch and starts a new one. Usually it is one string. Write the pieces in this order, strings
   * as `latin1`: each character is a byte.
   */
  take(): (string | Buffer)[] {
    const pieces = this.pieces;
    if (!this.isEmpty) pieces.push(this.text + END);
    this.pieces = [];
    this.pieceBytes = 0;
    this.text = '';
    // else it holds all the strings of the batch that it was joined from
    this.keptText = '';
    this.repeated.forget();
    return pieces;
  }

  /**
   * Returns the text with the first line of a command. Every line gets its CRLF from the next one, and the last from
   * `take`: one string less to join per line.
   */
  private begin(line: string): string {
    return this.isEmpty ? line.slice(END.length) : this.text + line;
  }

  /** Cuts off the text as a piece. Returns the text after it, which is empty. */
  private cut(text: string): string {
    this.pieces.push(text);
    this.pieceBytes += text.length;
    return '';
  }

  /** Ends the text with the length of the value, and appends the value. Returns the text after it, which is empty. */
  private appendLarge(text: string, value: Argument): string {
    const isBytes = typeof value !== 'string' || Buffer.byteLength(value) === value.length;
    const piece = isBytes ? value : Buffer.from(value);
    const before = text + lengthLine(piece.length);
    this.pieces.push(before, piece);
    this.pieceBytes += before.length + piece.length;
    return '';
  }
}
