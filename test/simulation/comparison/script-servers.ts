import type { Socket } from 'node:net';
import { readReply } from './read-reply.js';

/** The nodes by their letters: three primaries, in the order of their slots, and their replicas. */
export const LETTERS = ['A', 'B', 'C', 'D', 'E', 'F'] as const;
export type Letter = (typeof LETTERS)[number];

/** A cluster that a script runs on: real servers, or simulated ones. */
export interface ScriptServers {
  /** Opens a connection to a node. */
  connect(node: Letter): Socket;
  /** Waits until a condition holds. Returns whether it does. */
  until(isDone: () => boolean): Promise<boolean>;
  /** Lets time pass on the servers. */
  pass(ms: number): Promise<void>;
  /** Waits until replicas have all writes. */
  settle(): Promise<void>;
  /** Moves a slot, in three steps. Nodes have heard of it once it has ended. */
  beginMove(slot: number, from: Letter, to: Letter): Promise<void>;
  moveKey(key: string): Promise<void>;
  endMove(): Promise<void>;
  /** Makes a replica the primary of its shard. */
  failOver(replica: Letter): Promise<void>;
  /** The address and the id of a node. */
  describe(node: Letter): { readonly host: string; readonly port: number; readonly id: string };
}

/** What a script reads of a connection that has ended, or on which nothing arrives. */
export const CLOSED = 'closed';
export const SILENT = 'nothing';

/** One connection of a script, which reads replies one by one. */
export class ScriptConnection {
  private bytes = '';
  private isClosed = false;
  private readonly socket: Socket;

  constructor(
    private readonly servers: ScriptServers,
    node: Letter,
  ) {
    this.socket = servers.connect(node);
    this.socket.on('data', (bytes: Buffer) => (this.bytes += bytes.toString('latin1')));
    this.socket.on('error', () => {});
    this.socket.on('close', () => (this.isClosed = true));
  }

  /** Sends a command. */
  write(words: readonly string[]): void {
    const parts = words.map((word) => `$${word.length}\r\n${word}\r\n`);
    if (!this.isClosed) this.socket.write(`*${words.length}\r\n${parts.join('')}`, 'latin1');
  }

  /** Returns the next reply or message. */
  async read(): Promise<string> {
    let reply = readReply(this.bytes, 0);
    await this.servers.until(() => (reply ??= readReply(this.bytes, 0)) !== undefined || this.isClosed);
    if (reply === undefined) return this.isClosed ? CLOSED : SILENT;
    this.bytes = this.bytes.slice(reply.end);
    return reply.text;
  }

  close(): void {
    this.socket.destroy();
  }
}
