import type { Socket } from 'node:net';
import { ConnectionError, ProtocolError } from '../common/errors.js';
import type { ResolvedClusterOptions } from '../options/options.js';
import type { ReplyHandler } from '../protocol/reply-handler.js';
import { ReplyParser } from '../protocol/reply-parser.js';
import { RequestEncoder } from '../protocol/request-encoder.js';
import type { ByteMeter } from '../stats/node-counters.js';
import { nodeName, type NodeAddress } from '../topology/topology.js';
import { openSocket } from './open-socket.js';

/** The bytes that the socket may buffer before no more requests are encoded. */
const SATURATED_BYTES = 1024 * 1024;

/** The connection that a socket serves. Its methods must not throw. */
export interface SocketOwner extends ReplyHandler {
  /** Bytes arrived; their replies follow. */
  onBytes(): void;
  /** All replies in those bytes have been passed on. */
  onBytesRead(): void;
  /** The socket has written what it had buffered. */
  onDrained(): void;
  /** The socket has closed for good. Called once. */
  onClosed(reason: Error): void;
}

/** A socket to one node, with the encoder of its requests and the parser of its replies. */
export class NodeSocket implements ByteMeter {
  readonly encoder = new RequestEncoder();
  /** Why the socket ended, once it has. */
  failure: Error | undefined = undefined;

  private readonly name: string;
  private readonly socket: Socket;
  private readonly parser: ReplyParser;
  private closed = false;

  constructor(
    address: NodeAddress,
    private readonly options: ResolvedClusterOptions,
    private readonly owner: SocketOwner,
  ) {
    this.name = nodeName(address);
    this.parser = new ReplyParser(owner);
    this.socket = openSocket(address, options, (bytes) => this.read(bytes));
    this.socket.on('drain', () => owner.onDrained());
    this.socket.on('error', (error) => this.destroy(new ConnectionError(this.name, textOf(error))));
    this.socket.on('end', () => this.destroy(new ConnectionError(this.name, 'closed by the server')));
    this.socket.on('close', () => this.destroy(new ConnectionError(this.name, 'closed')));
  }

  /** Resolves once the socket is connected (and TLS agreed). Rejects if the socket ends first. */
  connected(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.socket.once(this.options.tls === undefined ? 'connect' : 'secureConnect', resolve);
      this.socket.once('close', () => reject(this.failure as Error));
    });
  }

  /** Rejects when the socket ends. */
  ended(): Promise<never> {
    return new Promise((_, reject) => {
      this.socket.once('close', () => reject(this.failure as Error));
    });
  }

  /** Resolves when the socket has closed. */
  gone(): Promise<void> {
    return new Promise((resolve) => {
      if (this.socket.closed) resolve();
      else this.socket.once('close', () => resolve());
    });
  }

  get bytesRead(): number {
    return this.socket.bytesRead;
  }

  get bytesWritten(): number {
    return this.socket.bytesWritten;
  }

  /** Whether the node has accepted the connection, TLS or not. */
  get reached(): boolean {
    return !this.socket.connecting;
  }

  /** Whether the socket should not be given more data now. */
  get saturated(): boolean {
    return this.socket.writableLength > SATURATED_BYTES;
  }

  /** Writes what has been encoded, in one system call if the kernel accepts it. */
  write(): void {
    const pieces = this.encoder.take();
    try {
      if (pieces.length > 1) this.socket.cork();
      for (const piece of pieces) this.socket.write(piece, 'latin1');
      if (pieces.length > 1) this.socket.uncork();
    } catch (error) {
      // out of memory, for example: how much was sent is unknown
      this.destroy(new ConnectionError(this.name, (error as Error).message, { cause: error }));
    }
  }

  /** Ends the socket now. */
  destroy(reason: Error): void {
    this.failure ??= reason;
    this.socket.destroy();
    if (this.closed) return;
    this.closed = true;
    this.owner.onClosed(this.failure);
  }

  private read(chunk: Buffer): void {
    this.owner.onBytes();
    try {
      this.parser.write(chunk);
    } catch (error) {
      this.destroy(error instanceof Error ? error : new ProtocolError('unreadable reply'));
    }
    this.owner.onBytesRead();
  }
}

/** Returns the text of a socket's error. A host with several addresses has one error for each of them. */
function textOf(error: Error): string {
  const { errors = [error] } = error as { errors?: readonly Error[] };
  return errors.map(({ message }) => message).join(', ');
}
