import { Duplex } from 'node:stream';

/** What a simulated socket does with what its client does. */
export interface SocketPeer {
  written(bytes: string): void;
  closed(): void;
}

/** The client's end of a simulated connection, with those members of a socket that clients use. */
export class SimulatedSocket extends Duplex {
  connecting = true;
  bytesRead = 0;
  bytesWritten = 0;

  constructor(
    readonly remoteAddress: string,
    readonly remotePort: number,
    private readonly peer: SocketPeer,
  ) {
    super({ decodeStrings: false, allowHalfOpen: false });
  }

  /** The connection is established. */
  connected(): void {
    if (this.destroyed) return;
    this.connecting = false;
    this.emit('connect');
  }

  /** Bytes have arrived. */
  received(text: string): void {
    if (this.destroyed) return;
    const bytes = Buffer.from(text, 'latin1');
    this.bytesRead += bytes.length;
    this.push(bytes);
  }

  override _write(chunk: string | Buffer, encoding: BufferEncoding, done: () => void): void {
    const text =
      typeof chunk === 'string' ? Buffer.from(chunk, encoding).toString('latin1') : chunk.toString('latin1');
    this.bytesWritten += text.length;
    this.peer.written(text);
    done();
  }

  override _read(): void {}

  override _final(done: () => void): void {
    done();
    this.destroy();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.peer.closed();
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
