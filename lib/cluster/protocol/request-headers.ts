import { toByteText } from './buffer-text.js';

/** Callers can invent names and argument counts, so the cache is limited. */
const MAXIMUM_NAMES = 1_000;
const MAXIMUM_NAME_LENGTH = 64;
const MAXIMUM_ARGUMENTS = 16;

/**
 * The first lines of commands: `*3`, `$3`, `SET`, each after the CRLF of the previous line. Common ones are
 * cached.
 */
export class RequestHeaders {
  private readonly headersOfName = new Map<string, string[]>();

  /** Returns the header of a command with this many arguments besides its name, as byte text. */
  get(name: string, argumentCount: number): string {
    return this.headersOfName.get(name)?.[argumentCount] ?? this.make(name, argumentCount);
  }

  private make(name: string, argumentCount: number): string {
    const bytes = toByteText(name);
    const header = `\r\n*${argumentCount + 1}\r\n$${bytes.length}\r\n${bytes}`;
    if (argumentCount <= MAXIMUM_ARGUMENTS && name.length <= MAXIMUM_NAME_LENGTH)
      this.keep(name, argumentCount, header);
    return header;
  }

  private keep(name: string, argumentCount: number, header: string): void {
    let headers = this.headersOfName.get(name);
    if (headers === undefined) {
      if (this.headersOfName.size === MAXIMUM_NAMES) return;
      headers = [];
      this.headersOfName.set(name, headers);
    }
    headers[argumentCount] = header;
  }
}
