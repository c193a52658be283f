import { Duplex } from 'node:stream';

/**
 * The client's end of a connection inside the process, with those members of a socket that clients use. Bytes are text
 * of one character for each.
 */
export abstract class InProcessSocket extends Duplex {
  connecting = true;
  bytesRead = 0;
  bytesWritten = 0;

  constructor(
    readonly remoteAddress: string,
    readonly remotePort: number,
  ) {
    super({ decodeStrings: false, allowHalfOpen: false });
  }

  /** Takes what the client writes. */
  protected abstract handleWritten(bytes: string): void;

  /** The client has ended the connection. */
  protected abstract handleClosed(): void;

  /** Gives the client bytes to read. */
  protected arrive(text: string): void {
    if (this.destroyed) return;
    const bytes = Buffer.from(text, 'latin1');
    this.bytesRead += bytes.length;
    this.push(bytes);
  }

  override _write(chunk: string | Buffer, encoding: BufferEncoding, done: () => void): void {
    const text = typeof chunk === 'string' ? toBytes(chunk, encoding) : chunk.toString('latin1');
    this.bytesWritten += text.length;
    this.handleWritten(text);
    done();
  }

  override _read(): void {}

  override _final(done: () => void): void {
    done();
    this.destroy();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.handleClosed();
    done(error);
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  setTimeout(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }
}

const toBytes = (text: string, encoding: BufferEncoding): string =>
  encoding === 'latin1' || encoding === 'binary' ? text : Buffer.from(text, encoding).toString('latin1');
