import type { Socket } from 'node:net';
import type { Command, CommandNode } from '../command/command.js';
import { CommandQueue } from '../common/ring-queue.js';
import { AskingCommand } from '../command/control-command.js';
import { ConnectionError, InvalidArgumentError, ProtocolError } from '../common/errors.js';
import { openSocket } from './open-socket.js';
import type { ResolvedClusterOptions } from '../options/options.js';
import { ReplyParser, type ReplyHandler } from '../protocol/reply-parser.js';
import type { Reply } from '../protocol/reply.js';
import { PIECE_BYTES, RequestEncoder } from '../protocol/request-encoder.js';
import { nodeName, type NodeAddress } from '../topology/topology.js';

/** Bytes that may wait in the socket's own buffer before we stop encoding more. */
const SATURATED_BYTES = 1024 * 1024;

/** Goes before what an ASK redirect sent here; it has no state of its own. */
const ASKING = new AskingCommand();

/** What a connection tells its channel. */
export interface ConnectionListener {
  /** The socket takes more again. */
  onDrained(): void;
  /** The socket is gone, for good; `owed` was sent and not answered, oldest first. */
  onLost(error: Error, owed: Command[]): void;
}

/**
 * One socket to one node, from connect to close, shared by all callers. Replies come in the order of
 * the requests, so a queue of what was sent is all the bookkeeping there is.
 */
export class Connection implements ReplyHandler {
  /** When the peer last gave a sign of life while owing a reply; milliseconds of the client's clock. */
  silentSince = 0;
  /** What the server calls this connection, where it has said so; see CLIENT ID. */
  clientId: number | undefined = undefined;
  /** What its node said of itself, until that is compared with what is known of the address; see `identityQuestion`. */
  identity: string | undefined = undefined;
  /** Why the connection ended, once it has. */
  failure: Error | undefined = undefined;

  private readonly socket: Socket;
  private readonly parser = new ReplyParser(this);
  private readonly encoder = new RequestEncoder();
  private readonly inFlight = new CommandQueue<Command>();
  private readonly name: string;
  /** Whom to tell once that many replies have come in; see `afterOwed`. */
  private readonly milestones: { readonly replies: number; readonly reached: () => void }[] = [];
  private lost = false;

  constructor(
    address: NodeAddress,
    options: ResolvedClusterOptions,
    private readonly node: CommandNode,
    private readonly listener: ConnectionListener,
    private readonly now: () => number,
  ) {
    this.name = nodeName(address);
    this.socket = openSocket(address, options, (bytes) => this.read(bytes));
    this.socket.on('drain', () => {
      this.silentSince = this.now();
      this.listener.onDrained();
    });
    this.socket.on('error', (error) => this.destroy(new ConnectionError(this.name, error.message)));
    this.socket.on('end', () => this.destroy(new ConnectionError(this.name, 'closed by the server')));
    this.socket.on('close', () => this.close());
  }

  /** Resolves once the socket is connected (and TLS agreed), rejects when it is destroyed before. */
  connected(secure: boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      this.socket.once(secure ? 'secureConnect' : 'connect', resolve);
      this.socket.once('close', () => reject(this.failure ?? new ConnectionError(this.name, 'closed')));
    });
  }

  /** Rejects when the connection ends. */
  ended(): Promise<never> {
    return new Promise((_, reject) => {
      this.socket.once('close', () => reject(this.failure ?? new ConnectionError(this.name, 'closed')));
    });
  }

  /** The node has taken the connection, TLS or not. */
  get reached(): boolean {
    return !this.socket.connecting;
  }

  /** True while the socket should be given no more. */
  get saturated(): boolean {
    return this.socket.writableLength > SATURATED_BYTES;
  }

  /** Replies that are owed. */
  get owing(): number {
    return this.inFlight.length;
  }

  /** Some caller waits for a reply that is owed, and would not know what happened if it were lost. */
  get atStake(): boolean {
    for (const command of this.inFlight) if (!command.settled && !command.repeatable) return true;
    return false;
  }

  /** What was sent and not answered, oldest first. */
  owed(): Iterable<Command> {
    return this.inFlight;
  }

  /** Calls back when what is owed now has been answered, or has been reported lost. */
  afterOwed(reached: () => void): void {
    this.milestones.push({ replies: this.inFlight.shifted + this.inFlight.length, reached });
  }

  /**
   * Sends commands, in one write unless they are many, and stops when the socket is saturated.
   * @returns how many were taken
   */
  send(commands: readonly Command[]): number {
    let next = 0;
    if (this.inFlight.length === 0) this.silentSince = this.now();
    while (next < commands.length && !this.saturated && !this.lost) {
      while (next < commands.length && this.encoder.size < PIECE_BYTES) this.encode(commands[next++]);
      this.write();
    }
    return next;
  }

  /** Ends the connection now; what is owed is reported lost. */
  destroy(reason: Error): void {
    this.failure ??= reason;
    this.socket.destroy();
    this.close();
  }

  wantsBuffers(): boolean {
    return this.inFlight.peek()?.shape.buffers ?? false;
  }

  wantsNative(): boolean {
    return this.inFlight.peek()?.shape.native ?? false;
  }

  onReply(reply: Reply): void {
    // what a reply sets off may end this connection, while more of the same chunk is still being read
    if (this.lost) return;
    const command = this.inFlight.shift();
    if (command === undefined) throw new ProtocolError(`${this.name} sent a reply that nobody asked for`);
    try {
      command.receive(reply, this.node);
    } catch (error) {
      // a function of the caller's (addressRemap) failed; without this its call would never end
      command.fail(error as Error);
    }
  }

  onPush(): void {
    // no subscription is ever made on a shared connection, so nothing that is pushed concerns us
  }

  private encode(command: Command): void {
    if (command.settled) return;
    const { encoder } = this;
    encoder.keep();
    try {
      if (command.asking) ASKING.encode(encoder);
      command.encode(encoder);
    } catch (error) {
      // an argument of the caller's, or no memory: nothing of it is sent, and nobody else's call is touched
      encoder.revert();
      return command.fail(unwritable(command, error));
    }
    if (command.asking) {
      this.inFlight.push(ASKING);
      command.asking = false;
    }
    command.sent = true;
    for (let replies = command.replyCount; replies > 0; replies--) this.inFlight.push(command);
  }

  private write(): void {
    const pieces = this.encoder.take();
    try {
      if (pieces.length > 1) this.socket.cork();
      for (const piece of pieces) this.socket.write(piece, 'latin1');
      if (pieces.length > 1) this.socket.uncork();
    } catch (error) {
      // no memory for it, say: how much of it has left is not known
      this.destroy(new ConnectionError(this.name, (error as Error).message, { cause: error }));
    }
  }

  private read(chunk: Buffer): void {
    this.silentSince = this.now();
    try {
      this.parser.write(chunk);
    } catch (error) {
      this.destroy(error instanceof Error ? error : new ProtocolError('unreadable reply'));
    }
    if (this.milestones.length > 0) this.passMilestones(this.inFlight.shifted);
  }

  private passMilestones(replies: number): void {
    while (this.milestones.length > 0 && this.milestones[0].replies <= replies)
      this.milestones.shift()?.reached();
  }

  private close(): void {
    if (this.lost) return;
    this.lost = true;
    const owed = [...new Set(this.inFlight)];
    this.failure ??= new ConnectionError(this.name, 'closed');
    this.listener.onLost(this.failure, owed);
    this.passMilestones(Infinity);
  }
}

function unwritable({ name }: Command, error: unknown): InvalidArgumentError {
  const reason = error instanceof Error ? error.message : String(error);
  return new InvalidArgumentError('arguments', `The arguments of ${name} could not be written: ${reason}`);
}
