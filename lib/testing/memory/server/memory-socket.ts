import { Duplex } from 'node:stream';
import { setImmediate } from '../../../cluster/common/timers.js';
import type { MemoryNode } from './memory-node.js';
import { RequestReader } from './request-reader.js';
import { Session } from './session.js';

/**
 * The client's end of a connection to a node in memory, with those members of a socket that clients use. The node runs
 * what was written in a later turn of the event loop, and the replies of one turn arrive together.
 */
export class MemorySocket extends Duplex {
  connecting = true;
  bytesRead = 0;
  bytesWritten = 0;
  readonly remoteAddress: string;
  readonly remotePort: number;
  private readonly session: Session;
  private readonly reader = new RequestReader();
  private arrived: string[] = [];
  private replies = '';

  constructor(node: MemoryNode) {
    super({ decodeStrings: false, allowHalfOpen: false });
    this.remoteAddress = node.host;
    this.remotePort = node.port;
    this.session = new Session(node, (bytes) => this.receive(bytes));
    setImmediate(() => {
      this.connecting = false;
      this.emit('connect');
      this.emit('secureConnect');
      this.serve();
    });
  }

  override _write(chunk: string | Buffer, encoding: BufferEncoding, done: () => void): void {
    const text = typeof chunk === 'string' ? toBytes(chunk, encoding) : chunk.toString('latin1');
    this.bytesWritten += text.length;
    if (this.arrived.push(text) === 1 && !this.connecting) setImmediate(() => this.serve());
    done();
  }

  override _read(): void {}

  override _final(done: () => void): void {
    done();
    this.destroy();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.session.end();
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

  private serve(): void {
    if (this.destroyed) return;
    const pieces = this.arrived;
    this.arrived = [];
    for (const piece of pieces) for (const words of this.reader.read(piece)) this.session.handle(words);
    this.deliver();
  }

  /** Takes what the node sends: at the end of the turn if other connections caused it. */
  private receive(bytes: string): void {
    if (this.replies === '') setImmediate(() => this.deliver());
    this.replies += bytes;
  }

  private deliver(): void {
    if (this.destroyed || this.replies === '') return;
    const bytes = Buffer.from(this.replies, 'latin1');
    this.replies = '';
    this.bytesRead += bytes.length;
    this.push(bytes);
  }
}

const toBytes = (text: string, encoding: BufferEncoding): string =>
  encoding === 'latin1' || encoding === 'binary' ? text : Buffer.from(text, encoding).toString('latin1');
