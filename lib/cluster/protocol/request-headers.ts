import { decodeLatin1, toByteText } from './buffer-text.js';

/** Callers can invent names and argument counts, so what is kept is limited. */
const MAXIMUM_NAMES = 1_000;
const MAXIMUM_NAME_LENGTH = 64;
const MAXIMUM_ARGUMENTS = 16;
const MAXIMUM_OPENINGS = 10_000;
/** Openings are kept for first arguments that are shorter than this, in bytes. */
const SHORT = 64;

/** `$5` between the CRLF of the previous line and its own, for common lengths. */
const LENGTH_LINES = Array.from({ length: 1024 }, (_, length) => `\r\n$${length}\r\n`);

/** Returns the line before a string of this length in bytes, with the end of the line before it. */
export const lengthLine = (length: number): string =>
  length < LENGTH_LINES.length ? LENGTH_LINES[length] : `\r\n$${length}\r\n`;

let openingsKept = 0;

/** The first lines of a command: `*3`, `$3`, `SET`, each after the CRLF of the previous line. */
export class RequestHeader {
  private readonly openings: string[] = [];

  constructor(readonly text: string) {}

  /** Returns the header, and the line before the first argument, which has this length in bytes. */
  opening(length: number): string {
    return this.openings[length] ?? this.makeOpening(length);
  }

  private makeOpening(length: number): string {
    const opening = this.text + lengthLine(length);
    if (length >= SHORT || openingsKept === MAXIMUM_OPENINGS) return opening;
    openingsKept++;
    return (this.openings[length] = inOnePiece(opening));
  }
}

/** The headers of commands. Common ones are kept. */
export class RequestHeaders {
  private readonly headersOfName = new Map<string, RequestHeader[]>();
  private lastName = '';
  private lastCount = -1;
  private last: RequestHeader | undefined = undefined;

  /** Returns the header of a command with this many arguments besides its name. */
  get(name: string, argumentCount: number): RequestHeader {
    if (this.last !== undefined && name === this.lastName && argumentCount === this.lastCount)
      return this.last;
    const header = this.headersOfName.get(name)?.[argumentCount] ?? this.make(name, argumentCount);
    this.last = header;
    this.lastName = name;
    this.lastCount = argumentCount;
    return header;
  }

  private make(name: string, argumentCount: number): RequestHeader {
    const bytes = toByteText(name);
    const header = new RequestHeader(inOnePiece(`\r\n*${argumentCount + 1}\r\n$${bytes.length}\r\n${bytes}`));
    if (argumentCount <= MAXIMUM_ARGUMENTS && name.length <= MAXIMUM_NAME_LENGTH)
      this.keep(name, argumentCount, header);
    return header;
  }

  private keep(name: string, argumentCount: number, header: RequestHeader): void {
    let headers = this.headersOfName.get(name);
    if (headers === undefined) {
      if (this.headersOfName.size === MAXIMUM_NAMES) return;
      headers = [];
      this.headersOfName.set(name, headers);
    }
    headers[argumentCount] = header;
  }
}

/** The same byte text in one piece: V8 keeps what was joined as a tree of its parts, which costs its readers. */
function inOnePiece(text: string): string {
  const bytes = Buffer.from(text, 'latin1');
  return decodeLatin1(bytes, 0, bytes.length);
}
